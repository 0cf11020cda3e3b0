/** The embedded broker, over real files and over files in memory. */
import { brokerSuite } from './broker.ts';
import { embeddedFixture, memoryFixture } from './broker-fixtures.ts';

brokerSuite('embedded, on disk', embeddedFixture);
brokerSuite('embedded, in memory', memoryFixture);
