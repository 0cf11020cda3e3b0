/** Deletes, one after the other; each is followed by a look at what is left. They come last, since they take what others read. */
import type { Effect } from './effects.ts';

const CHANGES: readonly string[] = [
  "DELETE FROM cpu WHERE host = 'nobody'",
  "DELETE FROM cpu WHERE time < '2024-01-10T00:10:00Z'",
  "DELETE FROM cpu WHERE host = 'a' AND time >= '2024-01-10T00:20:00Z' AND time < '2024-01-10T00:30:00Z'",
  "DELETE FROM cpu WHERE host =~ /^a/ OR region = 'eu'",
  "DELETE FROM cpu WHERE nothing = 'x'",
  "DELETE FROM cpu WHERE host = 'a' OR time > '2024-01-10T00:50:00Z'",
  'DELETE FROM cpu WHERE time > now()',
  "DELETE FROM cpu WHERE time = 'foo'",
  'DELETE FROM cpu WHERE time != 5',
  'DELETE FROM cpu WHERE host',
  'DELETE',
  'DELETE FROM nothing',
  'DELETE FROM autogen.cpu',
  'DELETE FROM e..cpu',
  "DROP SERIES FROM steps WHERE k = 'up'",
  "DROP SERIES FROM steps WHERE time > '2024-01-10'",
  'DROP SERIES FROM steps WHERE false',
  'DROP SERIES',
  "DROP SERIES FROM nothing WHERE k = 'up'",
  "DROP SERIES FROM /steps|mem/ WHERE k !~ /s/ AND host != 'a'",
  'DELETE FROM ages WHERE time < 0',
  'DELETE FROM ages WHERE time >= 0 AND time < 1',
  'DELETE FROM ages',
  'DROP MEASUREMENT lone',
  'DROP MEASUREMENT nothing',
  'DROP MEASUREMENT /one/',
  'DELETE FROM /huge|one/',
  // where a name is a tag and a field InfluxDB takes it now for the one, now for the other: so not of all measurements
  "DELETE FROM cpu, mem WHERE host = ''",
  "DROP SERIES FROM cpu, mem WHERE host = 'a'",
  "DELETE WHERE nothing = 'x'",
  'DELETE FROM steps WHERE k = k',
  'DROP SERIES FROM cpu',
];

const SEE: readonly string[] = [
  'SHOW SERIES',
  'SHOW MEASUREMENTS',
  'SHOW FIELD KEYS',
  'SHOW TAG KEYS',
  // of dropped series InfluxDB sometimes shows values on, so not of those that are dropped by several conditions
  'SHOW TAG VALUES FROM cpu WITH KEY =~ /./',
  'SELECT count(*) FROM /.*/',
  'SELECT sum(*) FROM cpu, steps, mem GROUP BY *',
  'SELECT * FROM ages, lone',
];

export const DELETE_EFFECTS: readonly Effect[] = CHANGES.map((change) => ({ change, see: SEE }));
