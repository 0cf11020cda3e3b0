/**
 * Which shards a plan is asked of: those that may have a series that its conditions pass. `tag = 'value'` leaves out a shard that has
 * never had such a value; what else a condition says is not looked at. Who is not asked cannot refuse a plan made over a schema that
 * holds no more, so its version is compared here.
 */
import type { Bound, Plan, PlanSource } from '../../query/index.ts';
import type { ShardDirectory, ShardMesh, TagValue } from './plan-over-shards.ts';

/** At least one, in the order in which to ask them; null = the plan stands on a schema that another shard has no more. */
export function shardsAsked(
  plan: Plan,
  versions: readonly number[],
  { nearLast, directory }: Pick<ShardMesh, 'nearLast' | 'directory'>,
): readonly number[] | null {
  const sources = plan.sources.filter(({ subquery }) => subquery === undefined);
  const asked = nearLast.filter((shard) =>
    sources.some((source) => mayPass(source.condition, source, shard, directory)),
  );
  if (asked.length === nearLast.length) return nearLast;
  if (nearLast.some((shard) => directory.version(shard) !== versions[shard])) return null;
  return asked.length > 0 ? asked : nearLast.slice(-1);
}

// private functions

function mayPass(condition: Bound | null, source: PlanSource, shard: number, directory: ShardDirectory): boolean {
  if (condition?.kind !== 'binary') return true;
  const { operator, left, right } = condition;
  const either = (): boolean => mayPass(left, source, shard, directory) || mayPass(right, source, shard, directory);
  switch (operator) {
    case 'AND':
      return mayPass(left, source, shard, directory) && mayPass(right, source, shard, directory);
    case 'OR':
      return either();
    case '=': {
      const name = tagValue(left, right, source) ?? tagValue(right, left, source);
      return name === null || directory.mayHold(shard, name);
    }
    default:
      return true;
  }
}

/** null where it is not a tag of the stored series beside a text. */
function tagValue(tag: Bound, literal: Bound, { database, measurement, tagKeys }: PlanSource): TagValue | null {
  if (tag.kind !== 'tag' || literal.kind !== 'literal' || !tagKeys.includes(tag.name)) return null;
  const { value } = literal;
  return typeof value === 'string' && value !== '' ? { database, measurement, tag: tag.name, value } : null;
}
