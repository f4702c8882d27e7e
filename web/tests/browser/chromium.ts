import { mkdirSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

const SHOTS = new URL('../../shots/', import.meta.url).pathname;

/** Debian's Chromium, drawing WebGL in software, with a microphone that hums and no wish to speak to anyone outside. */
export async function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox', '--enable-unsafe-swiftshader', '--use-gl=angle', '--use-angle=swiftshader', '--autoplay-policy=no-user-gesture-required',
      '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync',
    ],
  });
}

/** For pictures to look at. Elsewhere the window is small: software draws slowly. */
export const DESKTOP = { viewport: { width: 1180, height: 800 } };

/** The page with a face on it, and whatever its console complains of. */
export async function visit(browser: Browser, address: string, options: BrowserContextOptions = {}): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({ viewport: { width: 480, height: 420 }, locale: 'en-GB', permissions: ['microphone'], ...options });
  const page = await context.newPage(), complaints: string[] = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(address);
  await page.waitForSelector('html[data-ready]', { timeout: 45_000 });
  return { page, complaints };
}

/** The page's insides; see main.ts. */
export interface Insides {
  player: { position(): number; playing: boolean; seconds: number; seek(at: number): void; pause(): void };
  actor: { busy: boolean; complete: boolean; felt: { curve(feeling: string): number[] } | null; scene(): { clip: { count: number; frame(n: number): Float32Array } | null } };
  life: { source: Float32Array; shown: Float32Array; cost(): { median: number; high: number; frames: number } };
  view: { puppet: { lipGap(): number | null; shapes: number } };
}

export async function shoot(page: Page, name: string): Promise<void> {
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: `${SHOTS}${name}.png` });
}

/** After two more pictures, so that what was asked for is drawn. */
export async function drawn(page: Page): Promise<void> {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))));
}
