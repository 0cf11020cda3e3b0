/** Cursors and the ring behind them. */
import { expect } from 'chai';
import { decodeCursor, encodeCursor, newLife } from '../../../../server/queries/cursor.ts';
import { Feed } from '../../../../server/queries/feed.ts';
import type { FeedFrame } from '../../../../server/sessions/index.ts';

describe('cursor', () => {
  const cursor = {
    life: newLife(),
    frame: 12,
    watermark: -5n,
    rev: 3,
    positions: [
      { generation: 1, sequence: 7 },
      { generation: 2, sequence: 0 },
    ],
  };

  it('reads what it wrote', () => {
    expect(decodeCursor(encodeCursor(cursor))).to.deep.equal(cursor);
    const young = { ...cursor, watermark: null, rev: -1 };
    expect(decodeCursor(encodeCursor(young))).to.deep.equal(young);
  });

  for (const text of ['', 'x', 'AAAA', '../..', 'a'.repeat(20_000), Buffer.from('a.1;;0;!').toString('base64url')]) {
    it(`takes ${text.slice(0, 12) || 'nothing'} for no cursor`, () => {
      expect(decodeCursor(text)).to.equal(null);
    });
  }
});

describe('ring of a feed', () => {
  it('gives exactly the frames behind a number, or says that it cannot', () => {
    const feed = new Feed('k', null, false);
    for (let n = 1; n <= 600; n++) feed.keep(n, frame(n, 10));
    expect(feed.since(597, 600)?.map((f) => f.cursor)).to.deep.equal(['598', '599', '600']);
    expect(feed.since(600, 600)).to.deep.equal([]);
    expect(feed.since(10, 600), 'no longer there').to.equal(null);
    expect(feed.since(601, 600), 'never was').to.equal(null);
  });

  it('keeps bounded bytes', () => {
    const feed = new Feed('k', null, false);
    for (let n = 1; n <= 10; n++) feed.keep(n, frame(n, 300 * 1024));
    expect(feed.since(7, 10)).to.have.length(3);
    expect(feed.since(5, 10)).to.equal(null);
  });

  it('starts anew behind a hole', () => {
    const feed = new Feed('k', null, false);
    feed.keep(1, frame(1, 1));
    feed.keep(5, frame(5, 1));
    expect(feed.since(4, 5)?.map((f) => f.cursor)).to.deep.equal(['5']);
    expect(feed.since(1, 5)).to.equal(null);
  });
});

function frame(n: number, bytes: number): FeedFrame {
  return { op: 'rows', members: new Uint8Array(bytes), cursor: String(n), phase: 'live', watermarkMs: null };
}
