import type { Mesh } from 'three';
import { GLTFLoader } from 'three/examples/jsm/loaders/GLTFLoader.js';
import { describe, expect, it } from 'vitest';
import { column, NAMES } from '../../src/face/names';
import { Visemes, visemeNames } from '../../src/face/visemes';
import { bindShapes, shapeOf, type Binding } from '../../src/scene/binding';
import { addMorphNormals } from '../../src/scene/normals';

/** A GLB of one triangle with two morph targets: the first lifts its first corner, the second turns the triangle up. */
function glb(more: object, names?: string[]): ArrayBuffer {
  const floats = Float32Array.of(0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, 1);
  const view = (at: number) => ({ buffer: 0, byteOffset: at * 36, byteLength: 36 });
  const accessor = (bufferView: number) => ({ bufferView, componentType: 5126, count: 3, type: 'VEC3', min: [0, -1, 0], max: [1, 1, 1] });
  const document = {
    asset: { version: '2.0' }, scene: 0, scenes: [{ nodes: [0] }], nodes: [{ mesh: 0 }], buffers: [{ byteLength: 116 }],
    bufferViews: [view(0), view(1), view(2), { buffer: 0, byteOffset: 108, byteLength: 6 }],
    accessors: [accessor(0), accessor(1), accessor(2), { bufferView: 3, componentType: 5123, count: 3, type: 'SCALAR' }],
    meshes: [{ primitives: [{ attributes: { POSITION: 0 }, indices: 3, targets: [{ POSITION: 1 }, { POSITION: 2 }] }], ...(names && { extras: { targetNames: names } }) }],
    ...more,
  };
  const json = new TextEncoder().encode(JSON.stringify(document)), padded = Math.ceil(json.length / 4) * 4;
  const file = new Uint8Array(28 + padded + 116).fill(32), words = new DataView(file.buffer);
  [0x46546c67, 2, file.length, padded, 0x4e4f534a].forEach((word, at) => words.setUint32(4 * at, word, true));
  file.set(json, 20);
  [116, 0x004e4942].forEach((word, at) => words.setUint32(20 + padded + 4 * at, word, true));
  file.fill(0, 28 + padded);
  file.set(new Uint8Array(floats.buffer), 28 + padded);
  file.set(new Uint8Array(Uint16Array.of(0, 1, 2).buffer), 28 + padded + 108);
  return file.buffer;
}

const load = (bytes: ArrayBuffer) => new GLTFLoader().parseAsync(bytes, '');
const moved = (shapes: Binding[][]) => Object.fromEntries(
  shapes.flatMap((bindings, shape) => bindings.map(({ target, factor }) => [shape, [target, factor]])));

const bound = async (bytes: ArrayBuffer) => moved(bindShapes(await load(bytes)).shapes);

describe('a head that was dropped on the page', () => {
  it('speaks with morph targets of the ARKit names', async () => {
    expect(await bound(glb({}, ['JawOpen', 'Joy']))).toEqual({ [column('jawOpen')]: [0, 1] });
  });

  it('speaks with the groups of a VRM 0', async () => {
    const groups = [{ name: 'JawOpen', binds: [{ mesh: 0, index: 1, weight: 50 }] }, { name: 'Joy', binds: [{ mesh: 0, index: 0, weight: 100 }] }];
    expect(await bound(glb({ extensions: { VRM: { blendShapeMaster: { blendShapeGroups: groups } } } }))).toEqual({ [column('jawOpen')]: [1, 0.5] });
  });

  it('speaks with the expressions of a VRM 1', async () => {
    const custom = { eyeBlinkLeft: { morphTargetBinds: [{ node: 0, index: 0, weight: 0.8 }] } };
    expect(await bound(glb({ extensions: { VRMC_vrm: { expressions: { custom } } } }))).toEqual({ [column('eyeBlinkLeft')]: [0, 0.8] });
  });

  it('does not speak without any', async () => {
    const { shapes, visemes } = bindShapes(await load(glb({})));
    expect([moved(shapes), visemes]).toEqual([{}, null]);
  });

  it.each(['mouthSmileLeft', 'MouthSmileLeft', 'mouthSmile_L', 'mouthSmile.L', 'mouthSmile-L', 'mouthSmile L', 'Mouth_Smile_Left', 'face.mouthSmile_L',
    'Face.M_F00.MouthSmile.L', 'blendShape1.mouthSmileLeft', 'ARKit:mouthSmile_l', 'bs_mouthSmile-left'])('knows %s', (name) => {
    expect(shapeOf(name)).toBe(column('mouthSmileLeft'));
  });

  it('knows all 52 as Blender and Apple write them, and no other names', () => {
    const spelt = (dash: string) => NAMES.map((name) => name.replace(/(?<!^(?:jaw|mouth))(Left|Right)$/, (side) => dash + side[0]));
    for (const dash of ['_', '.', '-']) expect(spelt(dash).map(shapeOf)).toEqual(NAMES.map((_, at) => at));
    for (const name of ['Joy', 'aa', 'smile', 'L', 'eyeBlink', '']) expect(shapeOf(name)).toBe(-1);
  });

  it('takes Unity\'s 0 to 100 in the expressions of a VRM 1', async () => {
    const custom = { jawOpen: { morphTargetBinds: [{ node: 0, index: 0, weight: 100 }] } };
    expect(await bound(glb({ extensions: { VRMC_vrm: { expressions: { custom } } } }))).toEqual({ [column('jawOpen')]: [0, 1] });
  });

  it('speaks with the vowels of a VRM 0, and both its eyes blink with its one Blink', async () => {
    const group = (presetName: string, name: string, index: number) => ({ presetName, name, binds: [{ mesh: 0, index, weight: 100 }] });
    const groups = ['a', 'i', 'u', 'e', 'o'].map((vowel) => group(vowel, vowel.toUpperCase(), 0));
    const { shapes, visemes } = bindShapes(await load(glb({ extensions: { VRM: { blendShapeMaster: { blendShapeGroups: [...groups, group('blink', 'Blink', 1)] } } } })));
    expect(visemes!.set).toBe('vrm');
    expect(Object.keys(moved(visemes!.moved))).toHaveLength(5);
    expect(moved(shapes)).toEqual({ [column('eyeBlinkLeft')]: [1, 0.5], [column('eyeBlinkRight')]: [1, 0.5] });
  });

  it('speaks with the vowels of a VRM 1', async () => {
    const preset = Object.fromEntries(visemeNames('vrm').map((name) => [name, { morphTargetBinds: [{ node: 0, index: 0, weight: 1 }] }]));
    expect(Object.keys(moved(bindShapes(await load(glb({ extensions: { VRMC_vrm: { expressions: { preset } } } }))).visemes!.moved))).toHaveLength(5);
  });
});

describe('visemes of a frame', () => {
  const face = (values: Record<string, number>) => Float32Array.from(NAMES, (name) => values[name] ?? 0);
  const oculus = new Visemes('oculus'), vrm = new Visemes('vrm');
  const seen = (visemes: Visemes, values: Record<string, number>) => Object.fromEntries(visemes.of(face(values)).map((weight, at) => [visemes.names[at], weight]));

  it('are silence at rest', () => {
    expect(seen(oculus, {}).sil).toBe(1);
    expect(vrm.of(face({}))).toEqual([0, 0, 0, 0, 0]);
  });

  it('open no lips that meet over an open jaw', () => {
    const pressed = { jawOpen: 0.3, mouthClose: 0.3, mouthPressLeft: 0.3, mouthPressRight: 0.3, mouthRollUpper: 0.15 };
    expect(seen(oculus, pressed).PP).toBeGreaterThan(0.9);
    expect(Math.max(...vrm.of(face(pressed)))).toBe(0);
  });

  it('open wide for a wide mouth, and round for a round one', () => {
    expect(seen(vrm, { jawOpen: 0.54, mouthLowerDownLeft: 0.46, mouthLowerDownRight: 0.46 }).aa).toBeGreaterThan(0.6);
    expect(seen(vrm, { jawOpen: 0.16, mouthPucker: 0.56, mouthFunnel: 0.12 }).ou).toBeGreaterThan(0.5);
  });
});

describe('the normals of moved surfaces', () => {
  it('are those of the moved triangle, less those at rest', async () => {
    const { geometry } = (await load(glb({}, ['jawOpen', 'jawLeft']))).scene.children[0] as Mesh;
    addMorphNormals(geometry);
    const normal = (target: number) => Array.from(geometry.morphAttributes.normal![target].array.slice(0, 3));
    // From (0, 0, 1) to that of the plane through (0, 0, 1), (1, 0, 0), (0, 1, 0), and to (0, -1, 0).
    normal(0).forEach((part, axis) => expect(part).toBeCloseTo(1 / Math.sqrt(3) - Number(axis === 2), 5));
    expect(normal(1)).toEqual([0, -1, -1]);
  });
});
