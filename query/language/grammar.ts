/**
 * The grammar of InfluxQL, as Ohm text, and as what Ohm has compiled from it. parse.ts gives it meaning, expected.ts reads its
 * failures: every token is a lexical rule with a description, so that a failure names tokens and stands at the start of one.
 *
 * Expressions are flat here (`operand operator operand …`): precedence is put in by parse.ts. That keeps the depth of the
 * matcher's recursion, and its memory, to a fraction of what one rule per precedence level would take.
 *
 * A description that ends with ! names what errors must name though it is optional elsewhere; one that ends with ? names what
 * InfluxDB does not have, and errors name only where nothing else would do.
 *
 * Rules that begin with a capital skip spaces and comments between their parts; the others do not, as in `mean(`, `"a"."b"`.
 * Long because a grammar is read as one.
 */

import type { Grammar } from 'ohm-js';
import * as ohm from 'ohm-js';
import recipe from './grammar-recipe.json' with { type: 'json' };

/** Ohm exports it for grammars compiled ahead of time; its types leave it out. */
const { makeRecipe } = ohm as unknown as { makeRecipe(recipe: unknown): Grammar };

/** The words that cannot be a name without quotes: InfluxDB's list, also those whose statements are not spoken here. */
export const KEYWORDS: readonly string[] = (
  'all alter analyze and any as asc begin by cardinality create continuous database databases default delete desc ' +
  'destinations diagnostics distinct drop duration end every exact explain false field for from grant grants group groups ' +
  'in inf insert into key keys kill limit measurement measurements name offset on or order password policy policies ' +
  'privileges queries query read replication resample retention revoke select series set shard shards show slimit soffset ' +
  'stats subscription subscriptions tag to true user users values where with write'
).split(' ');

/** Words that mean something at their place and are names everywhere else, so that no text of InfluxQL changes its meaning. */
const OWN_WORDS: readonly string[] = (
  'ahead alert alerts asof backtest batch change close data delay else emit final idle join late lateness level metadata ' +
  'no notify pause per recompute refresh remind replace resume rows tolerance until update watermark when window within'
).split(' ');

const CAST_TYPES = ['float', 'integer', 'unsigned', 'string', 'boolean', 'field', 'tag'];

/* Pieces that are written into the rules rather than applied as rules of their own: Ohm remembers every application at every
   position, and a rule per character would cost ten times the time and memory of the rest. */
const DIGIT = '"0".."9"';
const START = '("a".."z" | "A".."Z" | "_")';
const PART = '("a".."z" | "A".."Z" | "0".."9" | "_")';
/** InfluxDB's scanner takes `max"x"` for the name x. */
const NAME = `(${START} ${PART}*)?`;
/** What a word does not end before. */
const END = `(${PART} | "\\"")`;
const UNIT = '("a".."z" | "A".."Z" | "µ" | "μ")';
const ESCAPE = String.raw`"\\n" | "\\\\" | "\\\"" | "\\'"`;
const PLAIN = String.raw`~"\\" ~"\n" any`;

/** Compiled ahead of time: grammar-recipe.json, made from this text, loads in a twentieth of the time that compiling takes. */
export const GRAMMAR = String.raw`
InfluxQL {
  Query = Part (";" Part)* end
  Part = Statement?

  Statement = Select | Delete | Show | Create | Drop | Explain | Grant | Revoke | Alter | Set | Kill | Control

  Explain = explain analyze? Select                                          -- select
          | explain analyze? own_continuous query identifier OnDatabase?      -- continuous
  Select = select Fields Into? from Sources Where? GroupBy? Fill? OrderBy? Limit? Offset? SeriesLimit? SeriesOffset?
           TimeZone? Watermark? Lateness? Emit? Options?
  Fields = NonemptyListOf<Field, ",">
  Field = FieldExpression Alias?
  Alias = as identifier
  FieldExpression = regex | Expression
  Sources = Side Joined+                 -- joined
          | NonemptyListOf<Source, ",">  -- list
  Source = Subquery | source
  Subquery = "(" Select ")"
  Side = (Subquery | source) SideName?
  SideName = own_as identifier
  Joined = join Side need_within duration Keys?                     -- interval
         | asof join Side Tolerance? Keys?                     -- asof
         | join Side need_on window OtherKeys? Fill?                -- window
  Tolerance = tolerance duration
  Keys = on NonemptyListOf<identifier, ",">
  OtherKeys = "," NonemptyListOf<identifier, ",">
  Measurements = NonemptyListOf<source, ",">
  Into = into target
  target = (identifier? ".")* targetName
  targetName = ":" measurement  -- every
             | identifier        -- one
  Where = where Expression
  GroupBy = group by NonemptyListOf<Dimension, ",">
  Dimension = timeHead calendar Shift? ")"  -- calendar
            | FieldExpression               -- other
  Shift = "," FieldExpression
  Fill = fillHead Arguments ")"  -- call
       | fillWord                -- bare
  TimeZone = tzHead Arguments ")"
  Watermark = watermark Delay? Idle? Ahead? PerSeries?
  Delay = delay duration
  Idle = idle duration
  Ahead = ahead duration
  PerSeries = per own_series
  Lateness = lateness duration update? AfterLateness?
  AfterLateness = (own_drop | recompute)  -- word
                | own_into target         -- into
  Emit = emit NonemptyListOf<Emission, ",">
  Emission = own_on close                        -- close
           | own_on late                         -- late
           | own_on update Batch?                -- update
           | own_every duration OnChange?        -- every
           | own_every integer rows              -- rows
           | final                               -- final
  Batch = batch duration
  OnChange = own_on change
  OrderBy = order by NonemptyListOf<SortField, ",">
  SortField = direction             -- alone
            | identifier direction?  -- named
  Limit = limit integer
  Offset = offset integer
  SeriesLimit = slimit integer
  SeriesOffset = soffset integer

  Delete = delete Chosen
  Chosen = From Where?  -- from
         | Where        -- where

  Create = create CreateWhat
  CreateWhat = database identifier Retention?                                                       -- database
             | user identifier with password string AsAdmin?                                        -- user
             | retention policy identifier OnDatabase Duration Replication ShardDuration? default? Options?  -- policy
             | subscription identifier on policy_path destinations (all | any_kw) Texts              -- subscription
             | OrReplace? continuous query identifier OnDatabase Resample? Options? begin Select end_kw      -- continuous
             | OrReplace? alert identifier on identifier? "(" Select ")" Levels NoData? Remind? Notify? Options?   -- alert
  Retention = with Clauses
  Clauses = Duration Replication? ShardDuration? PolicyName?  -- duration
          | Replication ShardDuration? PolicyName?            -- replication
          | ShardDuration PolicyName?                         -- shard
          | PolicyName
  Duration = duration_kw (duration | inf)
  Replication = replication integer
  ShardDuration = shard duration_kw (duration | own_inf)
  PolicyName = name identifier
  AsAdmin = with all privileges
  OrReplace = or replace
  Resample = resample every duration ForDuration?  -- every
           | resample for duration                  -- for
  ForDuration = own_for duration
  Levels = NonemptyListOf<Level, else>
  Level = when Expression ForDuration? LevelName? Until?
  LevelName = level string
  Until = until Expression
  NoData = no data for duration LevelName?
  Remind = remind every duration
  Notify = notify Texts
  Texts = NonemptyListOf<string, ",">
  Options = own_with Advised
  Advice = with Advised
  Advised = "(" NonemptyListOf<Option, ","> ")"
  Option = identifier "=" (string | Signed | literal | boolean)

  Drop = drop DropWhat
  DropWhat = database identifier                          -- database
           | continuous query identifier OnDatabase       -- continuous
           | alert identifier OnDatabase?                 -- alert
           | measurement identifier                       -- measurement
           | retention policy identifier OnDatabase       -- policy
           | series Chosen                                -- series
           | shard integer                                -- shard
           | subscription identifier on policy_path        -- subscription
           | user identifier                              -- user
  OnDatabase = on identifier

  Alter = alter retention policy identifier OnDatabase PolicyChange+ Options?   -- policy
        | alter retention policy identifier OnDatabase Options                 -- options
        | alter own_measurement identifier OnDatabase? Advice                  -- measurement
        | alter own_series from identifier Where OnDatabase? Advice            -- series
  PolicyChange = Duration | Replication | ShardDuration | MakeDefault
  MakeDefault = default

  Grant = grant privilege need_on identifier to identifier    -- database
        | grant AllPrivileges need_on identifier to identifier  -- all
        | grant AllPrivileges to identifier                  -- admin
  Revoke = revoke privilege need_on identifier from identifier    -- database
         | revoke AllPrivileges need_on identifier from identifier  -- all
         | revoke AllPrivileges from identifier                 -- admin
  AllPrivileges = every_privilege privileges?
  privilege = read | write
  Set = set password for identifier "=" string
  Kill = kill query integer OnDatabase?
  Control = (pause | resume) continuous query identifier OnDatabase                                          -- run
          | (backtest | refresh) continuous query identifier OnDatabase? from Expression to Expression  -- range
  policy_path = identifier "." identifier

  Show = show ShowWhat
  ShowWhat = series exact? cardinality On? From? Where? GroupBy? Limit? Offset?              -- seriesCount
           | measurement exact? cardinality On? From? Where? GroupBy? Limit? Offset?         -- measurementCount
           | field key exact? cardinality On? From? Where? GroupBy? Limit? Offset?           -- fieldKeyCount
           | tag key exact? cardinality On? From? Where? GroupBy? Limit? Offset?             -- tagKeyCount
           | tag values exact? cardinality On? From? WithKey Where? GroupBy? Limit? Offset?  -- tagValueCount
           | databases                                                              -- databases
           | continuous queries                                                     -- continuous
           | alerts On?                                                             -- alerts
           | metadata On? FromOne?                                                  -- metadata
           | (diagnostics | stats) ForModule?                                       -- module
           | grants for identifier                                                  -- grants
           | (queries | shards | subscriptions | users)                             -- list
           | shard groups                                                           -- shardGroups
           | field keys On? From? OrderBy? Limit? Offset?                           -- fieldKeys
           | measurements On? WithMeasurement? Where? OrderBy? Limit? Offset?       -- measurements
           | retention policies On?                                                 -- policies
           | series exact? On? From? Where? OrderBy? Limit? Offset?                 -- series
           | tag keys On? From? Where? OrderBy? Limit? Offset? SeriesLimit? SeriesOffset?   -- tagKeys
           | tag values On? From? WithKey Where? OrderBy? Limit? Offset?            -- tagValues
  On = on identifier
  From = from Measurements
  FromOne = from identifier
  ForModule = for string
  WithMeasurement = with measurement equal identifier  -- name
                  | with measurement like regex        -- pattern
  WithKey = with key in "(" NonemptyListOf<identifier, ","> ")"    -- in
          | with key (equal | unequal) identifier                       -- name
          | with key (like | unlike) regex                         -- pattern

  Expression = Operand Rest*
  Rest = (like | unlike) (regex | parameter)  -- match
       | operator Operand                     -- operate
  Operand = "(" Expression ")"  -- group
          | Signed
          | callHead Arguments ")"  -- call
          | distinct identifier     -- distinct
          | reference
          | string
          | literal
          | boolean
          | wildcard
          | regex
          | parameter
  Signed = sign SignedOperand
  SignedOperand = "(" Expression ")"       -- group
                | callHead Arguments ")"   -- call
                | literal
                | reference
  Arguments = ListOf<FieldExpression, ",">
  literal = duration | number | integer

  reference = path cast?
  path = identifier ("." identifier)*
  cast = "::" castType
  castType = ${CAST_TYPES.map((type) => 'as_' + type).join(' | ')}
  wildcard = "*" wildcardOf?
  wildcardOf = "::" wildcardType
  wildcardType = as_field | as_tag
  callHead = callName "("
  callName = identifier  -- name
           | distinct    -- distinct

  source = regex                                    -- pattern
         | identifier ("." segment)* "." regex      -- pathPattern
         | identifier ("." segment)*                -- path
  segment = identifier | &"."  -- empty

  identifier (identifier) = ~reserved ${START} ${PART}* ~"\""    -- bare
                          | ${NAME} "\"" (${ESCAPE} | ~"\"" ${PLAIN})* "\""  -- quoted
  string (string) = "'" (${ESCAPE} | ~"'" ${PLAIN})* "'"
  regex (regex) = "/" ("\\/" | "\\\\" | ~"/" ~"\n" any)* "/"
  duration (duration) = ${DIGIT}+ ${UNIT} (${UNIT} | ${DIGIT})*
  number (number) = ${DIGIT}+ "." ${DIGIT}*  -- whole
                  | "." ${DIGIT}+            -- fraction
  integer (integer) = ${DIGIT}+ ~${UNIT} ~"."
  parameter (parameter) = "$" ${START} ${PART}*                          -- bare
                        | "$\"" (${ESCAPE} | ~"\"" ${PLAIN})* "\""   -- quoted
  boolean = true | false
  direction = asc | desc
  sign (sign) = "-" | "+"
  equal (=) = "=" ~"~"
  unequal (!=) = "!=" | "<>"
  like (=~) = "=~"
  unlike (!~) = "!~"
  operator (operator) = "<=" | ">=" | "!=" | "<>" | "<" | ">" | "=" ~"~" | "+" | "-" | "*" | "/" | "%" | "&" | "|" | "^" | and | or
  every_privilege (ALL [PRIVILEGES]) = all
  need_on (ON!) = on
  need_within (WITHIN!) = within
  own_with (WITH?) = with
  own_for (FOR?) = for
  own_inf (INF?) = inf
  own_measurement (MEASUREMENT?) = measurement
  own_series (SERIES?) = series
  own_continuous (CONTINUOUS?) = continuous
  own_as (AS?) = as
  own_drop (DROP?) = drop
  own_into (INTO?) = into
  own_on (ON?) = on
  own_every (EVERY?) = every
  timeHead (time) = ${word('time')} "("
  calendar (duration) = ${DIGIT}+ ("mo" | "q" | "y") ~${UNIT}
  tzHead (tz) = ${word('tz')} "("
  fillHead (fill) = ${word('fill')} "("
  fillWord (fill) = ${word('fill')} ~${PART}

  space := " " | "\t" | "\n" | "\r" | ~(~("--" | "/*")) comment
  comment (comment) = "--" (~"\n" any)*        -- line
          | "/*" (~"*/" any)* "*/"   -- block

  reserved = ${oneOf(KEYWORDS)}
${wordRules()}
}`;

export const GRAMMAR_OF_INFLUXQL: Grammar = makeRecipe(recipe);

// private functions

/** One rule per word, described as errors call it. `duration` is also the name of a literal; `any` and `end` are Ohm's. */
function wordRules(): string {
  const keywords = [...KEYWORDS, ...OWN_WORDS].map((keyword) => {
    const rule = ['any', 'end', 'duration'].includes(keyword) ? `${keyword}_kw` : keyword;
    const description = OWN_WORDS.includes(keyword) ? `${keyword.toUpperCase()}?` : keyword.toUpperCase();
    return `  ${rule} (${description}) = ${word(keyword)} ~${END}`;
  });
  const casts = CAST_TYPES.map((type) => `  as_${type} (${type}) = ${word(type)} ~${PART}`);
  return [...keywords, ...casts].join('\n');
}

function word(text: string): string {
  return [...text].map((letter) => `("${letter}" | "${letter.toUpperCase()}")`).join(' ');
}

/**
 * Whether one of the words stands here, as a tree of letters: a text is compared letter by letter and not word by word. `~(~…)` (not
 * not) looks ahead without keeping a node, which makes branches of different length agree.
 */
function oneOf(words: readonly string[]): string {
  const branches = new Map<string, string[]>();
  for (const text of words) {
    const letter = text.slice(0, 1);
    branches.set(letter, [...(branches.get(letter) ?? []), text.slice(1)]);
  }
  const tree = [...branches].map(([letter, rests]) =>
    letter === '' ? `~${PART}` : `~(~(${word(letter)} ${oneOf(rests)}))`,
  );
  return `(${tree.join(' | ')})`;
}
