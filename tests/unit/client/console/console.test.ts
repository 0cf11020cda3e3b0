/** The console in a real browser against made-up telemetry: charts move, errors stand at their place, what is lost is said. */
import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { startBrowser, watchedPage } from '../../../support/browser.ts';
import { demoOptions } from '../../../support/demo-data.ts';
import { type FakeServer, startFakeServer } from '../../../support/fake-server.ts';

describe('console in a browser, made-up data', () => {
  let browser: Browser;
  let page: Page;
  let server: FakeServer;
  const demo = demoOptions();
  const problems: string[] = [];

  before(async () => {
    execFileSync(process.execPath, ['client/build.ts']);
    server = await startFakeServer(demo.options);
    browser = await startBrowser();
  });
  after(async () => {
    demo.close();
    await browser?.close();
    await server?.stop();
  });
  beforeEach(async () => {
    problems.length = 0;
    page = await watchedPage(browser, server.url, problems);
  });
  afterEach(async () => {
    await page.close();
    expect(problems).to.deep.equal([]);
  });

  it('opens on an overview whose charts and tiles move', async () => {
    await page.goto(server.url);
    const chart = page.locator('[data-panel="cpu"] .chart');
    await chart.waitFor();
    const first = Number(await chart.getAttribute('data-last'));
    await page.waitForFunction(
      (before) =>
        Number(document.querySelector('[data-panel="cpu"] .chart')?.getAttribute('data-last')) >= before + 2000,
      first,
    );
    expect(await page.locator('.panel .chart').count()).to.equal(11);
    expect(await page.locator('[data-tile="CPU"] .tile-value').textContent()).to.match(/^\d+(\.\d)?%$/);
    expect(await page.locator('[data-state]').getAttribute('data-state')).to.equal('connected');
    // The plot has been drawn: some pixel of its canvas is not empty.
    const drawn = await page.locator('[data-panel="cpu"] canvas').evaluate((canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      return data.some((byte) => byte !== 0);
    });
    expect(drawn).to.equal(true);
  });

  it('says when the connection is lost, and comes back by itself', async () => {
    await page.goto(server.url);
    await page.locator('[data-state="connected"]').waitFor();
    const { port } = server;
    await server.stop();
    await page.locator('[data-state="reconnecting"]').waitFor();
    server = await startFakeServer({ ...demo.options, port });
    await page.locator('[data-state="connected"]').waitFor();
  });

  it('runs a query with Ctrl+Enter, shows table and chart, and remembers it', async () => {
    await page.goto(`${server.url}/#/query`);
    const editor = page.getByLabel('Query', { exact: true });
    await editor.fill('SELECT mean(busy) FROM cpu GROUP BY time(1s), core');
    await editor.press('Control+Enter');
    await page.locator('.answer .chart').waitFor();
    expect(await page.locator('tbody tr').count()).to.equal(500);
    expect(page.url()).to.contain('q=SELECT');
    await page.reload();
    await page.locator('.answer .chart').waitFor();
    expect(await page.locator('.history .pick').count()).to.equal(1);
  });

  it('goes live with the same text', async () => {
    await page.goto(`${server.url}/#/query`);
    await page.locator('.switch').click();
    await page.locator('.badge-live').waitFor();
    const chart = page.locator('.answer .chart');
    const first = Number(await chart.getAttribute('data-last'));
    await page.waitForFunction(
      (before) => Number(document.querySelector('.answer .chart')?.getAttribute('data-last')) > before,
      first,
    );
    expect(page.url()).to.contain('live=1');
  });

  it('shows an error at its place in the text, live or not', async () => {
    for (const live of ['', '&live=1']) {
      await page.goto(`${server.url}/#/query?db=_internal&q=SELECT+mean(busy)+FORM+cpu${live}`);
      await page.locator('.query-error').waitFor();
      expect(await page.locator('.query-error mark').textContent()).to.equal('FORM');
      await page.goto('about:blank');
    }
  });

  it('fits a phone and a wall, in light and dark', async () => {
    for (const [width, colorScheme] of [
      [390, 'dark'],
      [2560, 'light'],
    ] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      await page.goto(server.url);
      await page.locator('[data-panel="cpu"] .chart').waitFor();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).to.equal(width);
    }
    await page.getByLabel('Theme').selectOption('dark');
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).to.equal('rgb(11, 16, 22)');
  });
});
