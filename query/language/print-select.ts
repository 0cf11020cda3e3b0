/** SELECT, and the clauses that other statements share with it, → canonical text. */
import type {
  Dimension,
  EmitClause,
  Expression,
  Fill,
  IntoTarget,
  Join,
  JoinSide,
  LatenessClause,
  MeasurementSource,
  SelectSource,
  SelectStatement,
  WatermarkClause,
  Window,
} from './ast.ts';
import {
  printDuration,
  printExpression,
  printIdentifier,
  printNumber,
  printRegex,
  printString,
} from './print-expression.ts';
import { printOptions } from './print-options.ts';

export function printSelect(statement: SelectStatement): string {
  return [
    'SELECT ' + statement.fields.map((field) => printExpression(field.expression) + printAlias(field.alias)).join(', '),
    printInto(statement.into),
    ' FROM ' + statement.sources.map(printSource).join(', '),
    printCondition(statement.condition),
    printDimensions(statement.dimensions),
    statement.fill ? ` fill(${printFill(statement.fill)})` : '',
    statement.order === 'descending' ? ' ORDER BY time DESC' : '',
    printCount('LIMIT', statement.limit),
    printCount('OFFSET', statement.offset),
    printCount('SLIMIT', statement.seriesLimit),
    printCount('SOFFSET', statement.seriesOffset),
    statement.timeZone === undefined ? '' : ` TZ(${printString(statement.timeZone)})`,
    printWatermark(statement.watermark),
    printLateness(statement.lateness),
    printEmit(statement.emit),
    printOptions(statement.options),
  ].join('');
}

export function printSource(source: SelectSource): string {
  if ('subquery' in source) return `(${printSelect(source.subquery)})`;
  if ('join' in source) return printJoin(source);
  const name = printMeasurement(source.name);
  const policy = source.retentionPolicy === null ? '' : printIdentifier(source.retentionPolicy);
  if (source.database !== null) return `${printIdentifier(source.database)}.${policy}.${name}`;
  return policy === '' ? name : `${policy}.${name}`;
}

export function printMeasurement(name: MeasurementSource['name']): string {
  return 'regex' in name ? printRegex(name.regex) : printIdentifier(name.text);
}

export function printCondition(condition: Expression | null): string {
  return condition ? ' WHERE ' + printExpression(condition) : '';
}

export function printEmission(emission: EmitClause): string {
  switch (emission.on) {
    case 'close':
      return 'ON CLOSE';
    case 'late':
      return 'ON LATE';
    case 'final':
      return 'FINAL';
    case 'update':
      return 'ON UPDATE' + (emission.batch === null ? '' : ` BATCH ${printDuration(emission.batch)}`);
    case 'every':
      return `EVERY ${printDuration(emission.interval)}${emission.ifChanged ? ' ON CHANGE' : ''}`;
    case 'rows':
      return `EVERY ${emission.count} ROWS`;
  }
}

export function printCount(keyword: string, count: number): string {
  return count > 0 ? ` ${keyword} ${count}` : '';
}

export function printDimensions(dimensions: readonly Dimension[]): string {
  return dimensions.length > 0 ? ' GROUP BY ' + dimensions.map(printDimension).join(', ') : '';
}

// private functions

function printAlias(alias: string | null): string {
  return alias === null ? '' : ' AS ' + printIdentifier(alias);
}

function printSide({ source, alias }: JoinSide): string {
  return printSource(source) + printAlias(alias);
}

function printJoin({ join, left, right, within, keys, fill }: Join): string {
  const names = keys.map((key) => printIdentifier(key)).join(', ');
  const on = names === '' ? '' : ` ON ${names}`;
  const head = `${printSide(left)} ${join === 'asof' ? 'ASOF JOIN' : 'JOIN'} ${printSide(right)}`;
  if (join === 'interval') return `${head} WITHIN ${printDuration(within ?? 0n)}${on}`;
  if (join === 'asof') return head + (within === null ? '' : ` TOLERANCE ${printDuration(within)}`) + on;
  return `${head} ON WINDOW${names === '' ? '' : ', ' + names}${fill === null ? '' : ` FILL(${printFill(fill)})`}`;
}

function printWindow(window: Window): string {
  const shift = 'offset' in window && window.offset !== null ? ', ' + printExpression(window.offset) : '';
  const more = (value: bigint | null, print: (value: bigint) => string): string => {
    return value === null ? '' : ', ' + print(value);
  };
  switch (window.of) {
    case 'hop':
      return `hop(${printDuration(window.size)}, ${printDuration(window.every)}${shift})`;
    case 'cumulate':
      return `cumulate(${printDuration(window.size)}, ${printDuration(window.step)}${shift})`;
    case 'sliding':
      return `sliding(${printDuration(window.size)})`;
    case 'session':
      return `session(${printDuration(window.gap)}${more(window.longest, printDuration)}${printEdges(window)})`;
    case 'rows':
      return `rows(${window.size}${more(window.every, String)})`;
    case 'state':
      return `state(${printIdentifier(window.field)})`;
    case 'event':
      return `event(${printExpression(window.start)}, ${printExpression(window.end)})`;
    case 'windows':
      return `windows(${window.intervals.map((interval) => `time(${printDuration(interval)})`).join(', ')})`;
  }
}

function printEdges({ start, end }: { readonly start: Expression | null; readonly end: Expression | null }): string {
  return start === null || end === null ? '' : `, ${printExpression(start)}, ${printExpression(end)}`;
}

function printWatermark(watermark: WatermarkClause | undefined): string {
  if (watermark === undefined) return '';
  const { delay, idle, ahead, perSeries } = watermark;
  return [
    ' WATERMARK',
    delay === null ? '' : ` DELAY ${printDuration(delay)}`,
    idle === null ? '' : ` IDLE ${printDuration(idle)}`,
    ahead === null ? '' : ` AHEAD ${printDuration(ahead)}`,
    perSeries ? ' PER SERIES' : '',
  ].join('');
}

function printLateness(lateness: LatenessClause | undefined): string {
  if (lateness === undefined) return '';
  const { within, after } = lateness;
  const head = ` LATENESS ${printDuration(within)} UPDATE`;
  if (after === 'drop') return head;
  return head + (after === 'recompute' ? ' RECOMPUTE' : printInto(after));
}

function printEmit(emit: readonly EmitClause[] | undefined): string {
  return emit === undefined ? '' : ' EMIT ' + emit.map(printEmission).join(', ');
}

function printInto(into: IntoTarget | undefined): string {
  if (into === undefined) return '';
  const name = into.measurement === null ? ':MEASUREMENT' : printIdentifier(into.measurement);
  const policy = into.retentionPolicy === null ? '' : printIdentifier(into.retentionPolicy);
  if (into.database !== null) return ` INTO ${printIdentifier(into.database)}.${policy}.${name}`;
  return policy === '' ? ` INTO ${name}` : ` INTO ${policy}.${name}`;
}

function printDimension(dimension: Dimension): string {
  switch (dimension.kind) {
    case 'time': {
      const interval = dimension.months === undefined ? printDuration(dimension.interval) : `${dimension.months}mo`;
      const offset = dimension.offset ? ', ' + printExpression(dimension.offset) : '';
      return `time(${interval}${offset})`;
    }
    case 'window':
      return printWindow(dimension.window);
    case 'tag':
      return printIdentifier(dimension.name);
    case 'wildcard':
      return '*';
    case 'regex':
      return printRegex(dimension.pattern);
    case 'fingerprint':
      return `fingerprint(${printIdentifier(dimension.field)})`;
    case 'refused':
      return printExpression(dimension.expression);
  }
}

function printFill(fill: Fill): string {
  if (fill.kind !== 'value') return fill.kind;
  return typeof fill.value === 'bigint' ? String(fill.value) : printNumber(fill.value);
}
