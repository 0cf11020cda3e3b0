/** The JetStream adapter against a real nats-server. */
import { brokerSuite } from './broker.ts';
import { natsFixture } from './broker-fixtures.ts';

brokerSuite('nats', natsFixture);
