/**
 * A real headless Chromium for tests. `CHROMIUM` names another binary than Debian's. Tests that need it fail with one line
 * where there is none.
 */
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { PATIENCE_MS } from './patience.ts';

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
/** No sandbox: tests run as root in containers. The rest: no traffic of the browser's own. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The caller closes it. */
export function startBrowser(): Promise<Browser> {
  const executablePath = findBrowser();
  if (executablePath === null)
    throw new Error('no chromium found: install the Debian package "chromium" or set CHROMIUM');
  return chromium.launch({ executablePath, headless: true, args: ARGUMENTS, timeout: PATIENCE_MS });
}

/** One that waits as long as other tests do. The caller closes it. */
export async function newPage(browser: Browser): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  return page;
}

/** A new page that says into `problems` what goes wrong in it, and what it asks of any other than the server at `url`. */
export async function watchedPage(browser: Browser, url: string, problems: string[]): Promise<Page> {
  const { host } = new URL(url);
  const page = await newPage(browser);
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => {
    const asked = new URL(request.url());
    if (asked.protocol !== 'data:' && asked.host !== host) problems.push(`asked elsewhere: ${asked}`);
  });
  return page;
}

// private functions

/** Path of a Chromium, null where there is none. */
function findBrowser(): string | null {
  return [process.env.CHROMIUM ?? '', ...PATHS].find((path) => path !== '' && existsSync(path)) ?? null;
}
