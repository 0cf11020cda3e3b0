/** The door of the SDK: one client class for browsers and Node, points, live tables, errors. */
export type { Epoch, FrameSeries, FrameValue, Mode, RowsFrame } from '../protocol/index.ts';
export { decodeRowKey, encodeRowKey, type RowKey } from '../protocol/index.ts';
export type { ConnectionState } from './connection.ts';
export { MillraceError, type MillraceErrorCode } from './errors.ts';
export { type LiveRow, type LiveSeries, LiveTable, type LiveTableOptions } from './live-table.ts';
export { Millrace, type MillraceOptions } from './millrace.ts';
export {
  encodePoint,
  encodePoints,
  type FieldValue,
  type Point,
  type Unsigned,
  unsigned,
  type WritePrecision,
} from './points.ts';
export { quoteName, quoteText } from './quoting.ts';
export type { Ack, QueryOptions, QueryResult, Series, WriteOptions } from './requests.ts';
export type { LiveEvent, SubscribeOptions, Subscription } from './subscription.ts';
export { lastValue, type Trace, type Traces, timeMs, tracesOfAnswer, tracesOfLive } from './traces.ts';
