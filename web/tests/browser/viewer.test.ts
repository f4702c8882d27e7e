import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { column, FPS } from '../../src/face/names';
import { DESKTOP, drawn, launch, shoot, visit, type Insides } from './chromium';
import { fixedClip, hum, M, VOWEL } from './clip';
import { Gateway } from './gateway';

declare const emotalk: Insides;

let browser: Browser, gateway: Gateway, address: string, page: Page, complaints: string[];

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());
beforeEach(async () => {
  gateway = new Gateway();
  address = await gateway.open();
});
afterEach(async () => {
  await page.context().close();
  gateway.close();
});

async function open(options = {}): Promise<void> {
  ({ page, complaints } = await visit(browser, address, options));
}

/** Speaks the fixed clip to its end of frames, and stops the sound. */
async function speak(seconds = 2): Promise<void> {
  gateway.script = { frames: fixedClip(seconds), chunk: 20 };
  await page.setInputFiles('#file', { name: 'hum.wav', mimeType: 'audio/wav', buffer: await hum(seconds) });
  await page.waitForFunction(() => emotalk.actor.complete && emotalk.player.seconds > 0);
  await page.evaluate(() => emotalk.player.pause());
}

async function at(seconds: number): Promise<void> {
  await page.evaluate((to) => emotalk.player.seek(to), seconds);
  await drawn(page);
}

/** The same GLB, its pictures said to be KTX2. */
function withPackedPictures(glb: Buffer): Buffer {
  const size = glb.readUInt32LE(12), document = JSON.parse(glb.toString('utf8', 20, 20 + size));
  for (const each of ['extensionsUsed', 'extensionsRequired']) document[each] = [...(document[each] ?? []), 'KHR_texture_basisu'];
  document.textures = document.textures.map(({ source }: { source: number }) => ({ extensions: { KHR_texture_basisu: { source } } }));
  const text = Buffer.from(JSON.stringify(document)), padded = Buffer.concat([text, Buffer.alloc(-text.length & 3, ' ')]);
  const head = Buffer.from(glb.subarray(0, 20)), rest = glb.subarray(20 + size);
  head.writeUInt32LE(padded.length, 12);
  head.writeUInt32LE(20 + padded.length + rest.length, 8);
  return Buffer.concat([head, padded, rest]);
}

const status = (): Promise<string> => page.innerText('#status');
const lipGap = (): Promise<number> => page.evaluate(() => emotalk.view.puppet.lipGap()!);

describe('a face that speaks', () => {
  it('parts the lips of the drawn mesh on a vowel and brings them together on /m/', async () => {
    await open(DESKTOP);
    await shoot(page, 'ready');
    await speak();
    await at(VOWEL);
    const vowel = await lipGap();
    await shoot(page, 'vowel');
    await at(M);
    const m = await lipGap();
    await shoot(page, 'm');
    await at(1.9);
    await shoot(page, 'smile');
    expect(vowel).toBeGreaterThan(0.012);
    expect(m).toBeLessThan(0.002);
    expect(complaints).toEqual([]);
  });

  it('shows at each time the frame of that time', async () => {
    await open();
    await speak();
    const clip = fixedClip();
    for (const frame of [0, 1, 14, 15, 29, 30, 31, 44, 59]) {
      await at(frame / FPS);
      const shown = await page.evaluate(() => [...emotalk.life.source]);
      shown.forEach((weight, shape) => expect(weight).toBeCloseTo(clip[frame][shape], 3));
    }
  });

  it('begins with the first chunk, while the rest is still in the making, and shows frames by the sound\'s clock', async () => {
    await open();
    let release = (): void => {};
    gateway.script = { frames: fixedClip(3), chunk: 50, hold: new Promise((done) => (release = done)) };
    await page.setInputFiles('#file', { name: 'hum.wav', mimeType: 'audio/wav', buffer: await hum(3) });
    await page.waitForFunction(() => document.getElementById('status')!.textContent!.includes('number 1 in the queue'));
    release();
    await page.waitForFunction(() => emotalk.player.position() > 0.3);
    const pairs = await page.evaluate(async () => {
      const seen: [number, number][] = [];
      for (let n = 0; n < 12; n++) {
        await new Promise(requestAnimationFrame);
        seen.push([emotalk.player.position(), emotalk.life.source[49]]);
      }
      return seen;
    });
    expect(column('noseSneerLeft')).toBe(49);
    // The frame on the screen is that of a moment after the last picture and before now; at the end the last one stays.
    pairs.slice(1).forEach(([now, mark], before) => {
      expect(mark * 970).toBeLessThan(now * FPS + 0.01);
      expect(mark * 970).toBeGreaterThan(Math.min(pairs[before][0] * FPS, 89) - 0.01);
    });
    expect(pairs.at(-1)![1]).toBeGreaterThan(pairs[0][1]);
    await page.waitForFunction(() => !emotalk.player.playing && emotalk.player.position() === emotalk.player.seconds);
    expect(complaints).toEqual([]);
  });

  it('goes on after a broken line, with every frame once', async () => {
    await open();
    gateway.script = { frames: fixedClip(), chunk: 20, breakAfter: 1 };
    await page.setInputFiles('#file', { name: 'hum.wav', mimeType: 'audio/wav', buffer: await hum(2) });
    await page.waitForFunction(() => emotalk.actor.complete);
    expect(await page.evaluate(() => emotalk.actor.scene().clip!.count)).toBe(60);
    expect(gateway.asked.filter((one) => one.url.endsWith('/events')).map((one) => one.headers['last-event-id'])).toEqual([undefined, '19']);
  });

  it('speaks the shipped sample', async () => {
    await open(DESKTOP);
    gateway.script = { frames: fixedClip(22.9), chunk: 100 };
    await page.click('#sample');
    await page.waitForFunction(() => emotalk.player.playing && emotalk.player.position() > 0.2);
    expect(await page.evaluate(() => emotalk.player.seconds)).toBeCloseTo(22.9, 1);
    await page.click('summary');
    await shoot(page, 'sample');
    expect(complaints).toEqual([]);
  });

  it('follows the voice while the button is held, and keeps the take', async () => {
    await open();
    gateway.script = { frames: fixedClip(30), chunk: 10 };
    await page.focus('#hold');
    await page.keyboard.down('Space');
    await page.waitForFunction(() => (emotalk.actor.scene().clip?.count ?? 0) > 20);
    await shoot(page, 'live');
    await page.keyboard.up('Space');
    await page.waitForFunction(() => emotalk.player.seconds > 0.6 && !emotalk.actor.busy);
    expect(gateway.live.start).toMatchObject({ encoding: 'pcm16', format: 'binary', emotion_level: 1, person_id: 0 });
    expect(await page.isEnabled('#save')).toBe(true);
    expect(complaints).toEqual([]);
  });
});

describe('feelings', () => {
  const queries = (): URLSearchParams[] => gateway.asked.filter(({ method }) => method === 'POST').map(({ url }) => new URLSearchParams(url.split('?')[1]));

  it('shows what was heard under the waveform, asks for what is picked, and takes key frames that are drawn by hand', async () => {
    await open(DESKTOP);
    await speak();
    expect(await page.evaluate(() => emotalk.actor.felt!.curve('joy').at(-1))).toBe(0.8);
    const colours = await page.evaluate(() => {
      const strip = document.getElementById('felt') as HTMLCanvasElement;
      return new Set(new Uint32Array(strip.getContext('2d')!.getImageData(0, 0, strip.width, strip.height).data.buffer)).size;
    });
    expect(colours).toBeGreaterThan(3);
    await page.selectOption('#feeling', 'anger');
    await page.waitForFunction(() => emotalk.actor.complete);
    await page.locator('#strength').fill('0.9');
    await page.waitForFunction(() => emotalk.actor.complete);
    const strip = (await page.locator('#felt').boundingBox())!;
    await page.mouse.move(strip.x + strip.width / 2, strip.y + strip.height * 0.25);
    await page.mouse.down();
    await page.mouse.move(strip.x + strip.width * 0.75, strip.y + strip.height / 2);
    await page.mouse.up();
    await shoot(page, 'feelings');
    const [first, , , last] = queries();
    expect([first.get('emotion'), first.get('emotion_strength'), first.get('emotions')]).toEqual(['auto', '0.6', null]);
    expect([last.get('emotion'), last.get('emotion_strength')]).toEqual(['anger', '0.9']);
    const keys = JSON.parse(last.get('emotions')!) as { time: number; anger: number }[];
    expect(keys.map(({ time }) => time)).toEqual([1, 1.5]);
    expect(keys[0].anger).toBeCloseTo(0.75, 1);
    await page.click('#unkey');
    await page.waitForFunction(() => emotalk.actor.complete);
    expect(queries().at(-1)!.get('emotions')).toBeNull();
    expect(complaints).toEqual([]);
  });

  it('can be picked while somebody speaks', async () => {
    await open();
    gateway.script = { frames: fixedClip(30), chunk: 10 };
    await page.click('#hold');
    await page.waitForFunction(() => (emotalk.actor.scene().clip?.count ?? 0) > 5);
    await page.selectOption('#feeling', 'joy');
    await page.selectOption('#feeling', 'auto');
    await page.waitForFunction((count) => (emotalk.actor.scene().clip?.count ?? 0) > count, 20);
    await page.click('#hold');
    await page.waitForFunction(() => !emotalk.actor.busy);
    expect(gateway.live.start).toMatchObject({ emotion: 'auto', emotion_strength: 0.6 });
    expect(gateway.live.emotions).toEqual([[{ time: 0, joy: 1 }], []]);
    expect(complaints).toEqual([]);
  });
});

describe('the page', () => {
  it('listens from tap to tap for whoever cannot hold a button', async () => {
    await open();
    gateway.script = { frames: fixedClip(30), chunk: 10 };
    await page.click('#hold');
    await page.waitForFunction(() => (emotalk.actor.scene().clip?.count ?? 0) > 10);
    expect(await page.getAttribute('#hold', 'aria-pressed')).toBe('true');
    await page.click('#hold');
    await page.waitForFunction(() => emotalk.player.seconds > 0.3 && !emotalk.actor.busy);
    expect(await page.getAttribute('#hold', 'aria-pressed')).toBe('false');
  });

  it('says in a sentence what is wrong with a broken file, and lives on', async () => {
    await open();
    gateway.script = { frames: [], chunk: 1, refusal: { status: 422, title: 'Invalid', detail: 'audio_data: no sound can be read from it', fix: 'Send WAV, FLAC, OGG or MP3.' } };
    await page.setInputFiles('#file', { name: 'broken.wav', mimeType: 'audio/wav', buffer: Buffer.from('no sound at all') });
    await page.waitForFunction(() => document.getElementById('problem')!.textContent !== '');
    expect(await page.innerText('#problem')).toBe('No sound can be read from it. Send WAV, FLAC, OGG or MP3.');
    await shoot(page, 'problem');
    await speak();
    expect(await page.innerText('#problem')).toBe('');
    // Chromium itself logs the refused request; nothing else may.
    expect(complaints.filter((one) => !one.includes('422'))).toEqual([]);
  });

  it('downloads each kind of file from the service', async () => {
    await open();
    await speak();
    for (const [label, name] of [['NPY', 'hum.npy'], ['CSV', 'hum.csv'], ['JSON', 'hum.json'], ['Live Link CSV', 'hum.livelink.csv'], ['GLB', 'hum.glb']]) {
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: label, exact: true }).click()]);
      expect(download.suggestedFilename()).toBe(name);
    }
    expect(gateway.asked.filter((one) => one.url.includes('/animation')).map((one) => one.url)).toEqual(
      ['npy', 'csv', 'json', 'livelink.csv', 'glb'].map((format) => `/v1/jobs/job/animation?format=${format}`));
  });

  it('asks again in another style, and the sliders change the face at once', async () => {
    await open();
    await speak();
    await at(VOWEL);
    await page.locator('#mouth').fill('0.5');
    await drawn(page);
    expect(await page.evaluate((jaw) => emotalk.life.shown[jaw], column('jawOpen'))).toBeCloseTo(0.275, 3);
    await page.locator('#person').fill('7');
    await page.waitForFunction(() => emotalk.actor.complete);
    expect(gateway.asked.filter((one) => one.method === 'POST').map((one) => one.url)).toEqual(
      [0, 7].map((person) => `/v1/jobs?emotion_level=1&person_id=${person}&head=true&emotion=auto&emotion_strength=0.6&chunk_duration=5`));
  });

  it('can be worked by keyboard alone, and every control has a name', async () => {
    await open();
    await speak();
    await page.focus('#scrub');
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowRight');
    expect(await page.evaluate(() => emotalk.player.position())).toBeGreaterThan(0);
    await page.focus('#play');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => emotalk.player.playing)).toBe(true);
    const nameless = await page.evaluate(() => [...document.querySelectorAll<HTMLElement>('button, input, canvas:not([aria-hidden])')]
      .filter((node) => !(node.ariaLabel || node.textContent?.trim() || (node as HTMLInputElement).labels?.[0]?.textContent?.trim())).map((node) => node.outerHTML));
    expect(nameless).toEqual([]);
  });

  it('stands still when the idle life is off', async () => {
    await open();
    await page.uncheck('#idle');
    await drawn(page);
    expect(await page.evaluate(() => emotalk.life.shown.every((weight) => weight < 0.02))).toBe(true);
  });

  it('takes a sound that is dropped on it', async () => {
    await open();
    gateway.script = { frames: fixedClip(1), chunk: 10 };
    await page.evaluate((bytes) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([new Uint8Array(bytes)], 'dropped.wav', { type: 'audio/wav' }));
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
    }, [...await hum(1)]);
    await page.waitForFunction(() => emotalk.actor.complete);
    expect(await status()).toBe('dropped.wav: 30 frames');
    expect(gateway.asked[0].headers['content-type']).toBe('audio/wav');
  });

  it('begins with a still head for whoever wants less motion', async () => {
    await open({ reducedMotion: 'reduce' });
    expect(await page.isChecked('#idle')).toBe(false);
  });

  it('wears another head with ARKit names, and refuses one without', async () => {
    await open();
    const head = Buffer.from(await (await fetch(`${address}head.glb`)).arrayBuffer());
    await page.setInputFiles('#other', { name: 'packed.glb', mimeType: 'model/gltf-binary', buffer: withPackedPictures(head) });
    await page.waitForFunction(() => document.getElementById('status')!.textContent!.includes('pictures are KTX2'));
    expect(await status()).toContain('packed.glb speaks now, with 52 of the 52');
    await page.setInputFiles('#other', { name: 'mine.glb', mimeType: 'model/gltf-binary', buffer: head });
    await page.waitForFunction(() => document.getElementById('status')!.textContent!.includes('mine.glb speaks now'));
    expect(await status()).toContain('52 of the 52');
    await page.setInputFiles('#other', { name: 'broken.vrm', mimeType: 'model/gltf-binary', buffer: Buffer.from('nothing') });
    await page.waitForFunction(() => document.getElementById('problem')!.textContent!.includes('broken.vrm cannot be read'));
    await page.click('#ours');
    await page.waitForFunction(() => document.getElementById('ours')!.hidden);
    expect(complaints).toEqual([]);
  });

  it('speaks Vietnamese to a Vietnamese browser, and fits a phone', async () => {
    await open({ locale: 'vi-VN', viewport: { width: 375, height: 740 }, hasTouch: true, isMobile: true });
    expect(await page.innerText('#sample')).toBe('Nói thử câu mẫu');
    expect(await page.getAttribute('html', 'lang')).toBe('vi');
    await speak();
    await at(VOWEL);
    await shoot(page, 'phone');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375);
    expect(complaints).toEqual([]);
  });
});
