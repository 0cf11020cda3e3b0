/** The stream: the port that everybody publishes and consumes through, and its adapters. */
export * from './broker.ts';
export { DeliveryTurns } from './delivery-turns.ts';
export { EMBEDDED_MESSAGE_BYTES_MAX, type EmbeddedOptions, openEmbeddedBroker } from './embedded.ts';
export { meteredBroker } from './metered.ts';
export { meteredFiles } from './metered-files.ts';
export { type NatsOptions, openNatsBroker } from './nats.ts';
