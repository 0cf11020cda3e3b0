/** What live sessions count: plain numbers that telemetry reads. One object for all sessions of a process. */

export interface LiveCounters {
  /** Connected now. */
  clients: number;
  /** Held now. */
  subscriptions: number;
  framesSent: number;
  /** Of those: with rows. */
  rowsFramesSent: number;
  bytesSent: number;
  /** Rows that were replaced by newer ones before a slow reader took them. */
  rowsConflated: number;
  /** Times a subscription gave up what it held for a slow reader, to be replayed from the log. */
  overflows: number;
  /** Times that rows of a group were sent though one of it was not as far: it lagged, or too much was held. */
  groupsParted: number;
  errorsTold: number;
}

export function newLiveCounters(): LiveCounters {
  return {
    clients: 0,
    subscriptions: 0,
    framesSent: 0,
    rowsFramesSent: 0,
    bytesSent: 0,
    rowsConflated: 0,
    overflows: 0,
    groupsParted: 0,
    errorsTold: 0,
  };
}
