/** The door of the SDK: one client class for browsers and Node, points, live tables, errors. */
export { MillraceError, type MillraceErrorCode } from './errors.ts';
