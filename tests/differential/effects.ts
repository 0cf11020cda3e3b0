/** Statements that change something, one after the other, and what is asked to see their effect. The database is `e`. */

export interface Effect {
  readonly change: string;
  readonly see: readonly string[];
}

export const EFFECTS: readonly Effect[] = [
  // Rows of several series at one time would overwrite each other in an order that cannot be told.
  { change: 'SELECT * INTO copied FROM one, lone', see: ['SELECT * FROM copied', 'SHOW TAG KEYS FROM copied'] },
  {
    change: 'SELECT * INTO kept FROM cpu GROUP BY *',
    see: ['SELECT * FROM kept', 'SHOW TAG KEYS FROM kept', 'SHOW FIELD KEYS FROM kept', 'SHOW SERIES FROM kept'],
  },
  {
    change:
      "SELECT mean(usage), max(idle) AS top INTO halves FROM cpu WHERE time >= '2024-01-10' AND time < '2024-01-10T00:30:00Z' GROUP BY time(5m), host",
    see: ['SELECT * FROM halves', 'SHOW FIELD KEYS FROM halves'],
  },
  { change: 'SELECT usage INTO e.autogen.named FROM cpu', see: ['SELECT count(usage) FROM named'] },
  {
    change: 'SELECT v INTO empty.autogen.:MEASUREMENT FROM /one|lone/',
    see: ['SELECT * FROM empty..one, empty..lone'],
  },
  { change: 'SELECT nope INTO nothing FROM cpu', see: ['SELECT * FROM nothing'] },
  { change: 'SELECT mean(v) INTO late FROM lone WHERE false', see: ['SELECT * FROM late'] },
  { change: 'SELECT v INTO nowhere..lone FROM lone', see: ['SHOW DATABASES'] },
];
