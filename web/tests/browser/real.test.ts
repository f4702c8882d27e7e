import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DESKTOP, drawn, launch, shoot, visit, type Insides } from './chromium';

declare const emotalk: Insides;

const ROOT = new URL('../../../', import.meta.url).pathname;
let browser: Browser, service: ChildProcess | undefined, address = process.env.EMOTALK_URL ?? '';
const folder = mkdtempSync(`${tmpdir()}/viewer-`);

const freePort = (): Promise<number> => new Promise((done) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address() as { port: number };
    server.close(() => done(port));
  });
});

/** `emotalk serve` with its window, ready. */
async function serve(): Promise<string> {
  const [port, web] = [await freePort(), await freePort()];
  const flags = ['serve', '--port', String(port), '--web-port', String(web), '--queue', `sqlite:///${folder}/queue.db`];
  service = spawn(`${ROOT}.venv/bin/emotalk`, flags, { cwd: folder, env: { ...process.env, EMOTALK_WEB: 'yes' }, stdio: ['ignore', 'inherit', 'inherit'] });
  const ready = `http://127.0.0.1:${web}/v1/health`;
  for (let turn = 0; turn < 600; turn++) {
    if (service.exitCode !== null) throw new Error(`emotalk serve ended with ${service.exitCode}`);
    if (await fetch(ready).then((answer) => answer.ok, () => false)) return new URL('/', ready).href;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error('emotalk serve is not ready after a minute');
}

beforeAll(async () => {
  address ||= await serve();
  browser = await launch();
}, 90_000);
afterAll(async () => {
  await browser?.close();
  service?.kill('SIGTERM');
  await new Promise((done) => (service && service.exitCode === null ? service.once('exit', done) : done(null)));
  rmSync(folder, { recursive: true });
}, 60_000);

describe('with the real service behind it, the page', () => {
  it('speaks the shipped sample: lips apart and together in turn, every frame there, no complaint, and all files to save', async () => {
    const { page, complaints } = await visit(browser, address), small = page.viewportSize()!;
    await page.click('#sample');
    await page.waitForFunction(() => emotalk.actor.complete && emotalk.player.seconds > 22, undefined, { timeout: 90_000 });
    expect(await page.evaluate(() => emotalk.actor.scene().clip!.count)).toBe(688);
    await page.evaluate(() => emotalk.player.pause());
    // From the second word on: the clip opens and closes its mouth all the time.
    const gaps: number[] = [];
    for (let at = 0.3; at < 5.5; at += 0.1) {
      await page.evaluate((to) => emotalk.player.seek(to), at);
      await drawn(page);
      gaps.push(await page.evaluate(() => emotalk.view.puppet.lipGap()!));
    }
    expect(Math.max(...gaps)).toBeGreaterThan(0.008);
    expect(Math.min(...gaps)).toBeLessThan(0.001);
    await page.evaluate((to) => emotalk.player.seek(to), 0.3 + 0.1 * gaps.indexOf(Math.max(...gaps)));
    await drawn(page);
    await page.setViewportSize(DESKTOP.viewport);
    await page.click('summary');
    await shoot(page, 'speaking');
    // The README's picture: docs/face.jpg.
    await page.screenshot({ path: new URL('../../shots/face.jpg', import.meta.url).pathname, type: 'jpeg', quality: 86 });
    await page.setViewportSize(small);
    for (const [label, name] of [['NPY', 'npy'], ['CSV', 'csv'], ['JSON', 'json'], ['Live Link CSV', 'livelink.csv'], ['GLB', 'glb']]) {
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: label, exact: true }).click()]);
      expect(download.suggestedFilename()).toBe(`sample.${name}`);
    }
    expect(complaints).toEqual([]);
    await page.context().close();
  }, 240_000);

  it('says what is wrong with a broken file', async () => {
    const { page } = await visit(browser, address);
    await page.setInputFiles('#file', { name: 'broken.wav', mimeType: 'audio/wav', buffer: Buffer.from('RIFF no sound at all') });
    await page.waitForFunction(() => document.getElementById('problem')!.textContent !== '');
    expect(await page.innerText('#problem')).toMatch(/^[A-Z][^_]+\. .+/);
    await page.context().close();
  }, 120_000);

  it('follows a voice while it is spoken', async () => {
    const { page, complaints } = await visit(browser, address);
    await page.focus('#hold');
    await page.keyboard.down('Space');
    await page.waitForFunction(() => (emotalk.actor.scene().clip?.count ?? 0) > 30, undefined, { timeout: 90_000 });
    await page.keyboard.up('Space');
    await page.waitForFunction(() => emotalk.player.seconds > 1 && !emotalk.actor.busy, undefined, { timeout: 60_000 });
    expect(await page.evaluate(() => emotalk.actor.scene().clip!.count / 30 - emotalk.player.seconds)).toBeLessThan(0.1);
    expect(complaints).toEqual([]);
    await page.context().close();
  }, 180_000);
});
