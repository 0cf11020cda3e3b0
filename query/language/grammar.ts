/**
 * The grammar of InfluxQL, as Ohm text, and as what Ohm has compiled from it. parse.ts gives it meaning, expected.ts reads its
 * failures: every token is a lexical rule with a description, so that a failure names tokens and stands at the start of one.
 *
 * Expressions are flat here (`operand operator operand …`): precedence is put in by parse.ts. That keeps the depth of the
 * matcher's recursion, and its memory, to a fraction of what one rule per precedence level would take.
 *
 * Rules that begin with a capital skip spaces and comments between their parts; the others do not, as in `mean(`, `"a"."b"`.
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

const CAST_TYPES = ['float', 'integer', 'unsigned', 'string', 'boolean', 'field', 'tag'];

/* Pieces that are written into the rules rather than applied as rules of their own: Ohm remembers every application at every
   position, and a rule per character would cost ten times the time and memory of the rest. */
const DIGIT = '"0".."9"';
const START = '("a".."z" | "A".."Z" | "_")';
const PART = '("a".."z" | "A".."Z" | "0".."9" | "_")';
const UNIT = '("a".."z" | "A".."Z" | "µ" | "μ")';
const ESCAPE = String.raw`"\\n" | "\\\\" | "\\\"" | "\\'"`;
const PLAIN = String.raw`~"\\" ~"\n" any`;

/** Compiled ahead of time: grammar-recipe.json, made from this text, loads in a twentieth of the time that compiling takes. */
export const GRAMMAR = String.raw`
InfluxQL {
  Query = Part (";" Part)* end
  Part = Statement?

  Statement = Select | Create | Drop | Show | Explain

  Explain = explain analyze? Select
  Select = select Fields Into? from Sources Where? GroupBy? Fill? OrderBy? Limit? Offset? SeriesLimit? SeriesOffset?
           TimeZone?
  Fields = NonemptyListOf<Field, ",">
  Field = FieldExpression Alias?
  Alias = as identifier
  FieldExpression = regex | Expression
  Sources = NonemptyListOf<Source, ",">
  Source = "(" Select ")"  -- subquery
         | source
  Measurements = NonemptyListOf<source, ",">
  Into = into target
  target = (identifier? ".")* targetName
  targetName = ":" measurement  -- every
             | identifier        -- one
  Where = where Expression
  GroupBy = group by NonemptyListOf<FieldExpression, ",">
  Fill = fillHead Arguments ")"  -- call
       | fillWord                -- bare
  TimeZone = tzHead Arguments ")"
  OrderBy = order by NonemptyListOf<SortField, ",">
  SortField = direction             -- alone
            | identifier direction?  -- named
  Limit = limit integer
  Offset = offset integer
  SeriesLimit = slimit integer
  SeriesOffset = soffset integer

  Create = create database identifier Retention?
  Retention = with Clauses
  Clauses = Duration Replication? ShardDuration? PolicyName?  -- duration
          | Replication ShardDuration? PolicyName?            -- replication
          | ShardDuration PolicyName?                         -- shard
          | PolicyName
  Duration = duration_kw (duration | inf)
  Replication = replication integer
  ShardDuration = shard duration_kw duration
  PolicyName = name identifier
  Drop = drop database identifier

  Show = show ShowWhat
  ShowWhat = series exact? cardinality On? From? Where? Limit? Offset?                   -- seriesCount
           | measurement exact? cardinality On? From? Where? Limit? Offset?              -- measurementCount
           | field key exact? cardinality On? From? Where? Limit? Offset?                -- fieldKeyCount
           | tag key exact? cardinality On? From? Where? Limit? Offset?                  -- tagKeyCount
           | tag values exact? cardinality On? From? WithKey Where? Limit? Offset?       -- tagValueCount
           | databases                                                              -- databases
           | field keys On? From? OrderBy? Limit? Offset?                           -- fieldKeys
           | measurements On? WithMeasurement? Where? OrderBy? Limit? Offset?       -- measurements
           | retention policies On?                                                 -- policies
           | series On? From? Where? OrderBy? Limit? Offset?                        -- series
           | tag keys On? From? Where? OrderBy? Limit? Offset? SeriesLimit? SeriesOffset?   -- tagKeys
           | tag values On? From? WithKey Where? OrderBy? Limit? Offset?            -- tagValues
  On = on identifier
  From = from Measurements
  WithMeasurement = with measurement (equal | unequal) identifier  -- name
                  | with measurement (like | unlike) regex         -- pattern
  WithKey = with key in "(" NonemptyListOf<identifier, ","> ")"    -- in
          | with key (equal | unequal) identifier                  -- name
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

  identifier (identifier) = ~reserved ${START} ${PART}*    -- bare
                          | "\"" (${ESCAPE} | ~"\"" ${PLAIN})* "\""  -- quoted
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
  const keywords = KEYWORDS.filter((keyword) => keyword !== 'any' && keyword !== 'end').map((keyword) => {
    const rule = keyword === 'duration' ? 'duration_kw' : keyword;
    return `  ${rule} (${keyword.toUpperCase()}) = ${word(keyword)} ~${PART}`;
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
