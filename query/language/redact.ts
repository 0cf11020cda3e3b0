/** Texts of statements as they may be shown and logged: without passwords, also where they do not parse. */

/** InfluxDB's own two places: behind `WITH PASSWORD`, and behind `PASSWORD FOR … =`. */
const SECRETS =
  /(with\s+password\s+|password\s+for\s+(?:"(?:\\.|[^"\\])*"|[^\s=]*)\s*=\s*)('(?:\\.|[^'\\])*'?|"(?:\\.|[^"\\])*"?|[^\s;]+)/gi;

export function redactPasswords(text: string): string {
  return text.replace(SECRETS, '$1[REDACTED]');
}
