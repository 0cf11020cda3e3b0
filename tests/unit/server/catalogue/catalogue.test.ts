/** The authority of the catalogue: order, limits, what the shards missed, and what workers are told. */
import { expect } from 'chai';
import type { CatalogueDocument, ControlEntry } from '../../../../model/index.ts';
import { Catalogue, CatalogueView, type FoundCatalogue } from '../../../../server/catalogue/index.ts';

const NOTHING: FoundCatalogue = { databases: [], documents: [[]] };

describe('the catalogue', () => {
  it('puts one entry into the streams for each change, then tells of it', async () => {
    const { catalogue, view, entries } = await open();
    await catalogue.createDatabase('d', { put: [{ kind: 'metadata', database: 'd', name: 'a', body: 1 }] });
    await catalogue.put('metadata', 'd', 'b', { unit: 'ms' });
    expect(await catalogue.remove('metadata', 'd', 'a')).to.equal(true);
    expect(await catalogue.remove('metadata', 'd', 'a')).to.equal(false);
    expect(entries.map(({ type }) => type)).to.deep.equal(['create database', 'change documents', 'change documents']);
    expect(view.databases).to.deep.equal(['d']);
    expect(view.documents.list('metadata', 'd').map(({ name, body }) => [name, body])).to.deep.equal([
      ['b', { unit: 'ms' }],
    ]);
    await catalogue.dropDatabase('d');
    expect([view.databases, view.documents.size]).to.deep.equal([[], 0]);
  });

  it('decides each change on what the changes before it have left, whoever asks at once', async () => {
    const { catalogue, view } = await open();
    await catalogue.createDatabase('d');
    const count = (): Promise<void> =>
      catalogue.change(() => {
        const body = (catalogue.get('alert', 'd', 'n')?.body ?? 0) as number;
        return { put: [{ kind: 'alert', database: 'd', name: 'n', body: body + 1 }] };
      });
    await Promise.all(Array.from({ length: 20 }, count));
    expect(view.documents.get({ kind: 'alert', database: 'd', name: 'n' })?.body).to.equal(20);
  });

  it('makes a database once for all who ask at once', async () => {
    const { catalogue, entries } = await open();
    await Promise.all([catalogue.createDatabase('d'), catalogue.createDatabase('d')]);
    expect(entries.length).to.equal(1);
  });

  it('forgets what could not be published, and goes on', async () => {
    const { catalogue, view, fail } = await open();
    fail.next = true;
    const error = await catalogue.createDatabase('d').catch((e: Error) => e.message);
    expect(error).to.equal('disk');
    expect(catalogue.has('d')).to.equal(false);
    await catalogue.createDatabase('d');
    fail.next = true;
    await catalogue.put('metadata', 'd', 'a', 1).catch(() => undefined);
    expect(catalogue.get('metadata', 'd', 'a')).to.equal(null);
    await catalogue.put('metadata', 'd', 'b', 1);
    expect(view.documents.size).to.equal(1);
  });

  it('refuses what is over a limit, and documents of no database', async () => {
    const { catalogue } = await open(NOTHING, { documentBytesMax: 10, documentsMax: 2 });
    await catalogue.createDatabase('d');
    const refusal = (name: string, body: unknown, database = 'd'): Promise<unknown> =>
      catalogue.put('metadata', database, name, body).then(
        () => 'kept',
        (e: Error) => e.message,
      );
    expect(await refusal('a', 'x'.repeat(9))).to.equal('metadata "a" is too large: 11 bytes, more than 10');
    expect(await refusal('a', 1, 'nope')).to.equal('database not found: nope');
    expect(await refusal('', 1)).to.equal('name of a metadata: expected 1 to 4096 characters');
    expect([await refusal('a', 1), await refusal('b', 1), await refusal('a', 2)]).to.deep.equal([
      'kept',
      'kept',
      'kept',
    ]);
    expect(await refusal('c', 1)).to.contain('more than 2 documents');
  });

  it('says to the shards again what one of them missed: the newest of each', async () => {
    const old = document('a', 3);
    const news = document('a', 7);
    const both = document('b', 5);
    const { catalogue, entries } = await open({
      databases: ['d'],
      documents: [
        [news, both],
        [both, old],
      ],
    });
    expect(entries).to.deep.equal([{ type: 'change documents', remove: [], put: [news] }]);
    await catalogue.put('metadata', 'd', 'c', 1);
    expect(catalogue.get('metadata', 'd', 'c')?.revision).to.equal(8);
  });
});

// private functions

function document(name: string, revision: number): CatalogueDocument {
  return { kind: 'metadata', database: 'd', name, revision, body: revision };
}

async function open(found: FoundCatalogue = NOTHING, limits = {}) {
  const entries: ControlEntry[] = [];
  const view = new CatalogueView();
  const fail = { next: false };
  const catalogue = new Catalogue(limits);
  const link = {
    publish: async (entry: ControlEntry) => {
      await new Promise((resolve) => setImmediate(resolve));
      if (fail.next) {
        fail.next = false;
        throw new Error('disk');
      }
      entries.push(entry);
    },
    tell: (news: Parameters<CatalogueView['follow']>[0]) => view.follow(news),
  };
  await catalogue.open(link, found, () => ({}));
  return { catalogue, view, entries, fail };
}
