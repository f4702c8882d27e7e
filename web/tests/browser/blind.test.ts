import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launch } from './chromium';

const PAGE = new URL('../../blind.html', import.meta.url).href;
const NAMES = ['apple', 'bread', 'cheese', 'date'];

let browser: Browser, page: Page, film: Buffer, requests: string[], complaints: string[];

beforeAll(async () => {
  browser = await launch();
  film = await filmed();
});
afterAll(() => browser.close());
beforeEach(async () => {
  [requests, complaints] = [[], []];
  page = await (await browser.newContext({ acceptDownloads: true })).newPage();
  page.on('request', (request) => requests.push(new URL(request.url()).protocol));
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(PAGE);
});
afterEach(() => page.context().close());

/** A short WebM that this browser has recorded of a canvas. */
async function filmed(): Promise<Buffer> {
  const maker = await browser.newPage();
  const bytes = await maker.evaluate(async () => {
    const canvas = document.body.appendChild(document.createElement('canvas')), pen = canvas.getContext('2d')!;
    const recorder = new MediaRecorder(canvas.captureStream(30), { mimeType: 'video/webm' }), parts: Blob[] = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    recorder.start();
    for (let n = 0; n < 30; n++) {
      pen.fillStyle = `hsl(${12 * n} 80% 50%)`;
      pen.fillRect(0, 0, 300, 150);
      await new Promise(requestAnimationFrame);
    }
    await new Promise((stopped) => { recorder.onstop = stopped; recorder.stop(); });
    return [...new Uint8Array(await new Blob(parts).arrayBuffer())];
  });
  await maker.close();
  return Buffer.from(bytes);
}

async function give(...names: string[]): Promise<void> {
  await page.setInputFiles('#files', names.map((name) => ({ name, mimeType: 'video/webm', buffer: film })));
}

const both = (names: string[]): string[] => names.flatMap((name) => [`${name}.old.webm`, `${name}.new.webm`]);
const place = (): Promise<string> => page.innerText('#place');

/** What the table says: each word and its number. */
const counted = (): Promise<Record<string, string>> => page.$$eval('#counts tr', (rows) => Object.fromEntries(rows.map((row) => [row.children[0].textContent, row.children[1].textContent])));

/** The saved votes, a row a pair. */
async function saved(): Promise<string[][]> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')]);
  return readFileSync(await download.path(), 'utf8').split('\n').slice(1).map((line) => JSON.parse(`[${line}]`));
}

describe('the blind pair test', () => {
  it('shows each sound that has two films once, and counts each choice for the film that was on that side', async () => {
    await give(...both(NAMES), 'alone.old.webm', 'holiday.webm');
    expect(await place()).toBe('Pair 1 of 4');
    for (const key of ['1', '3', '1', '2']) await page.keyboard.press(key);
    const rows = await saved();
    expect(rows.map(([name]) => name).sort()).toEqual(NAMES);
    for (const [, left, right] of rows) expect([left, right].sort()).toEqual(['new', 'old']);
    expect(rows.map(([, left, right, choice]) => ({ [left]: 'left', [right]: 'right', none: 'none' })[choice])).toEqual(['left', 'right', 'left', 'none']);
    const number = (choice: string): string => String(rows.filter((row) => row[3] === choice).length);
    expect(await counted()).toEqual({ new: number('new'), old: number('old'), 'no difference': '1' });
    expect(complaints).toEqual([]);
  });

  it('plays both films from the start and only one of them aloud', async () => {
    await give(...both(['apple']));
    await page.waitForFunction(() => ['left', 'right'].every((side) => (document.getElementById(side) as HTMLVideoElement).currentTime > 0));
    const films = await page.$$eval('video', (videos) => videos.map(({ src, muted }) => ({ src, muted })));
    expect(new Set(films.map(({ src }) => src)).size).toBe(2);
    expect(films.map(({ muted }) => muted)).toEqual([false, true]);
  });

  it('tells nobody: order and sides are drawn anew, no name is shown, and nothing leaves the browser', async () => {
    const seen = new Set<string>(), sides = new Set<string>();
    for (let round = 0; round < 6; round++) {
      await give();
      await give(...both(NAMES));
      expect(await page.innerText('body')).not.toMatch(/apple|bread|cheese|date\b/);
      for (const _ of NAMES) await page.keyboard.press('2');
      const rows = await saved();
      seen.add(rows.map(([name]) => name).join());
      rows.forEach(([, left]) => sides.add(left));
    }
    expect(seen.size).toBeGreaterThan(2);
    expect([...sides].sort()).toEqual(['new', 'old']);
    expect(new Set(requests)).toEqual(new Set(['file:', 'blob:']));
  });

  it('says how likely a toss of a coin would do as much', async () => {
    await give(...both(['apple']));
    await page.keyboard.press('1');
    expect(await page.innerText('#chance')).toContain('1.000');
    await give(...both(NAMES.slice(0, 2)));
    for (const _ of '12') await page.keyboard.press('2');
    expect(await page.innerText('#chance')).toBe('');
  });
});
