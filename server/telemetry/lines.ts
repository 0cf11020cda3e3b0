/**
 * Line protocol of what the server says about itself: rows of host, process and metrics become one body that any write door takes.
 * Every field is a float, so that no field ever changes its type; what is not finite is left out, and so is a row without fields.
 *
 * Line protocol cannot say everything: a line end in a name becomes a space, and a backslash at the end of one becomes `_`, as it
 * would escape the character that ends the name.
 */

export interface Row {
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, number | null>>;
}

/** The rows as lines at one time, in nanoseconds; tags in the order of their names, empty tags left out. */
export function rowsToLines(rows: readonly Row[], time: bigint): string {
  let text = '';
  for (const row of rows) {
    const fields: string[] = [];
    for (const [name, value] of Object.entries(row.fields)) {
      if (value !== null && Number.isFinite(value)) fields.push(`${escapeKey(name)}=${value}`);
    }
    if (fields.length === 0) continue;
    text += `${escapeMeasurement(row.measurement)}${tagText(row.tags)} ${fields.join(',')} ${time}\n`;
  }
  return text;
}

// private functions

function escapeMeasurement(text: string): string {
  return whole(text).replaceAll(/[, ]/g, '\\$&');
}

function tagText(tags: Row['tags']): string {
  let text = '';
  for (const name of Object.keys(tags).sort()) {
    if (tags[name] !== '') text += `,${escapeKey(name)}=${escapeKey(tags[name])}`;
  }
  return text;
}

function escapeKey(text: string): string {
  return whole(text).replaceAll(/[,= ]/g, '\\$&');
}

function whole(text: string): string {
  return text.replaceAll(/[\r\n]/g, ' ').replace(/\\+$/, (end) => '_'.repeat(end.length));
}
