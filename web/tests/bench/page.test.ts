import { gzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { afterAll, it } from 'vitest';
import { launch, type Insides } from '../browser/chromium';
import { fixedClip, hum } from '../browser/clip';
import { Gateway } from '../browser/gateway';

declare const emotalk: Insides;

/** The page's figures beside their limits; prints and asserts nothing. Drawing is in software here: the script's share alone says something. */
const browser = await launch(), gateway = new Gateway(), address = await gateway.open();
afterAll(async () => {
  await browser.close();
  gateway.close();
});

function report(what: string, value: number, limit: number, unit: string): void {
  console.log(`${what}: ${value.toFixed(2)} ${unit}, limit ${limit} ${unit}, ratio ${(value / limit).toFixed(2)}`);
}

it('page', async () => {
  const root = new URL('../../../src/emotalk/', import.meta.url);
  const files = ['web/static/index.html', 'web/static/index.css', 'web/static/viewer.js', 'head/head.glb'];
  const sizes = files.map((name) => gzipSync(readFileSync(new URL(name, root)), { level: 9 }).length);
  report('page and head, gzip', sizes.reduce((a, b) => a + b) / 1e6, 3, 'MB');

  const firsts: number[] = [];
  for (let turn = 0; turn < 3; turn++) {
    const page = await (await browser.newContext({ viewport: { width: 1180, height: 800 } })).newPage();
    await page.goto(address);
    firsts.push(await page.evaluate(() => new Promise<number>((done) => {
      const look = (): void => emotalk?.view?.puppet ? requestAnimationFrame(() => setTimeout(() => done(performance.now() / 1000))) as never : void setTimeout(look, 5);
      (function wait(): void { 'emotalk' in window ? look() : setTimeout(wait, 5); })();
    })));
    await page.context().close();
  }
  report('first face on screen, best of 3', Math.min(...firsts), 2, 's');

  gateway.script = { frames: fixedClip(20), chunk: 100 };
  const page = await (await browser.newContext({ viewport: { width: 480, height: 360 } })).newPage();
  await page.goto(address);
  await page.waitForSelector('html[data-ready]');
  await page.click('summary');
  await page.waitForTimeout(4000);
  await page.setInputFiles('#file', { name: 'hum.wav', mimeType: 'audio/wav', buffer: await hum(20) });
  await page.waitForFunction(() => emotalk.player.position() > 15, undefined, { timeout: 60_000 });
  const { median, high, frames } = await page.evaluate(() => emotalk.life.cost());
  report(`script per picture while speaking, 52 bars open, median of ${Math.min(frames, 600)}`, median, 4, 'ms');
  report('script per picture, 95th percentile', high, 4, 'ms');
}, 200_000);
