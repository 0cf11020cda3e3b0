/** Shapes: what is spared, what is kept and for how long. That they say what the grammar says is tests/property/shapes.test.ts. */
import { expect } from 'chai';
import { SHAPES_MAX, ShapeParser } from '../../../../query/language/index.ts';

describe('language, shapes', () => {
  it('spare the grammar from the third text of a shape on', () => {
    const shapes = new ShapeParser();
    const texts = ['a', 'b', 'c', 'd'].map(
      (host, i) => `SELECT v FROM m WHERE host = '${host}' AND n > -${i} LIMIT ${i}`,
    );
    const hits = texts.map((text) => {
      shapes.parse(text);
      return shapes.hits;
    });
    expect(hits).to.deep.equal([0, 0, 1, 2]);
  });

  it('are told apart by what is not a literal, and by what a literal looks like', () => {
    const shapes = new ShapeParser();
    const texts = ["v = '5'", 'v = 5', 'v = 5.0', 'v = 5s', "v = '2020-01-01'", 'w = 5', 'v =~ /5/', 'v = -5'];
    for (const text of texts) for (let i = 0; i < 3; i++) shapes.parse(`SELECT v FROM m WHERE ${text}`);
    expect(shapes.hits).to.equal(texts.length);
  });

  it('leave to the grammar what they cannot read by themselves', () => {
    const shapes = new ShapeParser();
    const texts = [
      "SELECT v FROM m WHERE s = 'it\\'s'",
      'SELECT v / 2 FROM m',
      'SELECT v FROM m -- a comment',
      'SELECT v FROM m WHERE n = 9223372036854775808',
      "SELECT mean(v) FROM m GROUP BY time(1d) tz('Europe/Berlin')",
      "SELECT v FROM m WHERE s = '" + 'x'.repeat(5_000) + "'",
      "SET PASSWORD FOR ann = 'secret'",
    ];
    for (const text of texts) for (let i = 0; i < 3; i++) shapes.parse(text);
    expect(shapes.hits).to.equal(0);
  });

  it('are kept as long as they are used', () => {
    const shapes = new ShapeParser();
    const ask = (): unknown => shapes.parse('SELECT a FROM m');
    for (let i = 0; i < 2; i++) ask();
    for (let i = 0; i < SHAPES_MAX - 1; i++) shapes.parse(`SELECT f${i} FROM m`);
    ask();
    expect(shapes.hits).to.equal(1);
    for (let i = 0; i < SHAPES_MAX; i++) shapes.parse(`SELECT g${i} FROM m`);
    ask();
    expect(shapes.hits).to.equal(1);
  });
});
