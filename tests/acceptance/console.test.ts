/** Console and the SDK's browser build in a real Chromium against the real server: the chart moves when points are written. */
import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { Millrace } from '../../client/sdk/index.ts';
import { eventually } from '../support/api.ts';
import { newPage, startBrowser, watchedPage } from '../support/browser.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** What `dist/sdk/millrace.js` gives a page. */
type BrowserSdk = typeof import('../../client/sdk/index.ts');

describe('console and server', () => {
  let browser: Browser;
  let page: Page;
  let server: TestServer;
  let client: Millrace;
  const problems: string[] = [];

  before(async () => {
    execFileSync(process.execPath, ['client/build.ts']);
    server = await startServer();
    client = new Millrace({ url: server.http });
    browser = await startBrowser();
  });
  after(async () => {
    client?.close();
    await browser?.close();
    await server?.stop();
  });
  beforeEach(async () => {
    problems.length = 0;
    page = await watchedPage(browser, server.http, problems);
  });
  afterEach(async () => {
    await page.close();
    expect(problems).to.deep.equal([]);
  });

  it('opens on a live overview of the server itself, without an error in any panel', async () => {
    await page.goto(server.http);
    const chart = page.locator('[data-panel="cpu"] .chart');
    await chart.waitFor();
    const first = Number(await chart.getAttribute('data-last'));
    await page.waitForFunction(
      (before) =>
        Number(document.querySelector('[data-panel="cpu"] .chart')?.getAttribute('data-last')) >= before + 2000,
      first,
    );
    expect(await page.locator('[data-panel]').count()).to.equal(11);
    expect(await page.locator('.notice-error').allTextContents()).to.deep.equal([]);
    expect(await page.locator('[data-tile="Memory"] .tile-value').textContent()).to.match(/iB/);
  });

  it('asks for the panels of the overview as one group, and every one of them hears that it has moved', async () => {
    const asked = new Set<string>();
    const groups = new Set<unknown>();
    const moved = new Map<string, number[]>();
    page.on('websocket', (socket) => {
      socket.on('framesent', ({ payload }) => {
        const frame = JSON.parse(String(payload));
        if (frame.op !== 'subscribe') return;
        asked.add(frame.id);
        groups.add(frame.group);
      });
      socket.on('framereceived', ({ payload }) => {
        const frame = JSON.parse(String(payload));
        if (frame.op === 'group') moved.set(frame.id, [...(moved.get(frame.id) ?? []), frame.watermarkMs]);
      });
    });
    await page.goto(server.http);
    await page.locator('[data-panel="cpu"] .chart').waitFor();
    await eventually(
      () => [...asked].filter((id) => (moved.get(id) ?? []).length > 1).length,
      (heard) => heard === asked.size && heard >= 11,
    );
    expect([...groups]).to.deep.equal(['overview']);
    expect(await page.locator('.notice-error').allTextContents()).to.deep.equal([]);
  });

  it('moves the live chart of a query when points are written', async () => {
    await client.write('garden', `soil,bed=a wet=0.25 ${Date.now() - 2000}`, { precision: 'ms' });
    await client.write('garden', `soil,bed=a wet=0.25 ${Date.now() - 1000}`, { precision: 'ms' });
    const q = 'SELECT last(wet) FROM soil WHERE time > now() - 5m GROUP BY time(1s), bed fill(none)';
    await page.goto(`${server.http}/#/query?db=garden&live=1&q=${encodeURIComponent(q)}`);
    const chart = page.locator('.answer .chart');
    await chart.waitFor();
    const points = Number(await chart.getAttribute('data-points'));
    const before = await chart.screenshot();
    for (let i = 1; i <= 3; i++) {
      await client.write('garden', `soil,bed=a wet=${i} ${Date.now()}`, { precision: 'ms' });
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    await page.waitForFunction(
      (count) => Number(document.querySelector('.answer .chart')?.getAttribute('data-points')) > count,
      points,
    );
    await page.locator('tbody td', { hasText: /^3$/ }).first().waitFor();
    expect(before.equals(await chart.screenshot())).to.equal(false);
  });

  it('lists live queries, and stops one for whoever follows it', async () => {
    await client.write('garden', `air,bed=a warm=20 ${Date.now()}`, { precision: 'ms' });
    const q = 'SELECT count(warm) FROM air GROUP BY time(1h), bed';
    const followed = [client.subscribe('garden', q), client.subscribe('garden', q, { epoch: 'ns' })];
    const ends = followed.map(async (subscription) => {
      for await (const _event of subscription);
      return 'an end without an error';
    });
    const refused = ends.map((end) => end.catch((error: Error) => error.message));
    await page.goto(`${server.http}/#/live`);
    const row = page.locator('tr[data-query]', { hasText: q });
    await row.locator('td[data-label="Subscribers"]', { hasText: /^2$/ }).waitFor();
    await row.locator('td[data-label="State"]', { hasText: /^running$/ }).waitFor();
    await row.locator('td[data-label="Panes"]', { hasText: /^1$/ }).waitFor();
    await row.locator('td[data-label="Lag"]', { hasText: /\d m?s$/ }).waitFor();
    await row.locator('button').click();
    expect(await Promise.all(refused)).to.deep.equal(['query interrupted', 'query interrupted']);
    await row.waitFor({ state: 'detached' });
    expect(await page.locator('.live-problem').count()).to.equal(0);
  });

  it('lists what runs without a client, and pauses a stored query', async () => {
    await client.write('shed', `air,bed=a warm=20 ${Date.now()}`, { precision: 'ms' });
    const stored =
      'CREATE CONTINUOUS QUERY "by hour" ON shed BEGIN SELECT mean(warm) INTO h FROM air GROUP BY time(1h) END';
    const alert = 'CREATE ALERT frost ON shed (SELECT min(warm) FROM air GROUP BY time(1m), bed) WHEN min < 3';
    await client.query('shed', `${stored}; ${alert}`);
    await page.goto(`${server.http}/#/live`);
    const row = page.locator('tr[data-stored="by hour"]');
    const state = row.locator('td[data-label="State"]');
    await state.getByText('running', { exact: true }).waitFor();
    await row.locator('button', { hasText: 'Pause' }).click();
    await state.getByText('paused', { exact: true }).waitFor();
    await row.locator('button', { hasText: 'Resume' }).click();
    await state.getByText('running', { exact: true }).waitFor();
    const frost = page.locator('tr[data-alert="frost"]');
    expect(await frost.locator('td[data-label="Level"]').textContent()).to.equal('ok');
    expect(await frost.locator('td[data-label="Database"]').textContent()).to.equal('shed');
    expect(await page.locator('.live-problem').count()).to.equal(0);
  });

  it('switches a query that was asked once to live', async () => {
    await client.write('garden', `rain,bed=a mm=1 ${Date.now()}`, { precision: 'ms' });
    const q = 'SELECT sum(mm) FROM rain WHERE time > now() - 1h GROUP BY bed';
    await page.goto(`${server.http}/#/query?db=garden&q=${encodeURIComponent(q)}`);
    await page.locator('.answer tbody td', { hasText: /^1$/ }).waitFor();
    await page.locator('.switch').click();
    await page.locator('.answer .badge-live').waitFor();
    await client.write('garden', `rain,bed=a mm=41 ${Date.now()}`, { precision: 'ms' });
    await page.locator('.answer tbody td', { hasText: /^42$/ }).waitFor();
  });

  it('asks who one is where the server does, in a form of its own', async () => {
    const guarded = await startServer(['--auth']);
    const view = await newPage(browser);
    try {
      const q = "CREATE USER ann WITH PASSWORD 'x' WITH ALL PRIVILEGES";
      await fetch(`${guarded.http}/query`, { method: 'POST', body: new URLSearchParams({ q }) });
      await view.goto(guarded.http);
      await view.locator('.login input[name=name]').fill('ann');
      await view.locator('.login input[name=password]').fill('wrong');
      await view.locator('.login button').click();
      await view.locator('.login-refusal', { hasText: 'authorization failed' }).waitFor();
      expect(await view.locator('[data-panel]').count()).to.equal(0);
      await view.locator('.login input[name=password]').fill('x');
      await view.locator('.login button').click();
      await view.locator('[data-panel="cpu"] .chart').waitFor();
      expect(await view.locator('.notice-error').allTextContents()).to.deep.equal([]);
      await view.locator('button', { hasText: 'Sign out' }).click();
      await view.locator('.login').waitFor();
    } finally {
      await view.close();
      await guarded.stop();
    }
  });

  it('the SDK’s browser build subscribes in the page and receives what the page writes', async () => {
    await page.goto(server.http);
    const received = await page.evaluate(async () => {
      const path = '/sdk.js';
      const sdk = (await import(path)) as BrowserSdk;
      const millrace = new sdk.Millrace({ url: location.origin });
      const values: unknown[] = [];
      await millrace.write('page', [{ measurement: 'm', fields: { v: 1 }, time: new Date(1) }]);
      for await (const event of millrace.subscribe('page', 'SELECT v FROM m WHERE time >= 0', { epoch: 'ms' })) {
        if (event.op !== 'rows') continue;
        for (const series of event.series) values.push(...series.values);
        if (values.length === 1)
          await millrace.write('page', [{ measurement: 'm', fields: { v: 2 }, time: new Date(2) }]);
        if (values.length >= 2) break;
      }
      millrace.close();
      return values;
    });
    expect(received).to.deep.equal([
      [1, 1],
      [2, 2],
    ]);
  });
});
