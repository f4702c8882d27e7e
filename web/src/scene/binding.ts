import type { Mesh, Object3D } from 'three';
import type { GLTF } from 'three/examples/jsm/loaders/GLTFLoader.js';
import { column, NAMES } from '../face/names';
import { visemeNames, type VisemeSet } from '../face/visemes';

/** One morph target that a shape moves. */
export interface Binding { influences: number[]; target: number; factor: number }

/** What a head can show: the 52 shapes, each with what it moves, and visemes where it has no mouth of those. */
export interface Bindings { shapes: Binding[][]; visemes: { set: VisemeSet; moved: Binding[][] } | null }

/** Morph targets of the 52 names, or what a VRM says under these names, under its vowels and its blinks. */
export function bindShapes(gltf: GLTF): Bindings {
  const expressions = expressionsOf(gltf), targets = targetsOf(gltf), all = [...targets, ...expressions];
  let shapes = NAMES.map((_, shape) => movedBy(targets, (name) => shapeOf(name) === shape));
  if (!shapes.some((bound) => bound.length)) shapes = NAMES.map((_, shape) => movedBy(expressions, (name) => shapeOf(name) === shape));
  if (!['Left', 'Right'].some((side) => shapes[column(`eyeBlink${side}`)].length)) bindBlinks(shapes, all);
  if (shapes[column('jawOpen')].length) return { shapes, visemes: null };
  return { shapes, visemes: bindVisemes(all) };
}

/** The column of a target's name, however it is written: `jawOpen`, `Face.JawOpen`, `browDown_L`, `mouthSmile.L`; -1 for others. */
export function shapeOf(name: string): number {
  return LOWER.indexOf(ending(name, (text) => LOWER.includes(text)));
}

const LOWER = NAMES.map((name) => name.toLowerCase());

/** `name` without a prefix and with its side spelt out, in small letters, as soon as it is `known`; '' if it never is. */
function ending(name: string, known: (text: string) => boolean): string {
  const sided = name.replace(/[._\- ]l(eft)?$/i, 'Left').replace(/[._\- ]r(ight)?$/i, 'Right');
  const parts = sided.toLowerCase().split(/[.:|/_\- ]+/);
  return parts.map((_, from) => parts.slice(from).join('')).find(known) ?? '';
}

/** A name with what it moves. */
interface Named extends Binding { name: string }

const movedBy = (named: readonly Named[], fits: (name: string) => boolean): Binding[] =>
  named.filter(({ name }) => fits(name)).map(({ influences, target, factor }) => ({ influences, target, factor }));

function bindBlinks(shapes: Binding[][], named: readonly Named[]): void {
  const blinks = (...names: string[]): Binding[] => movedBy(named, (name) => names.includes(ending(name, (text) => names.includes(text))));
  const left = blinks('blinkleft'), right = blinks('blinkright'), whole = blinks('blink', 'eyesclosed');
  if (left.length && right.length) [shapes[column('eyeBlinkLeft')], shapes[column('eyeBlinkRight')]] = [left, right];
  else for (const side of ['Left', 'Right']) shapes[column(`eyeBlink${side}`)] = whole.map((one) => ({ ...one, factor: one.factor / 2 }));
}

/** Other spellings of visemes: Ready Player Me's vowels, VRM 0's vowels. */
const SPELT: Record<VisemeSet, Record<string, string>> = {
  oculus: { i: 'ih', o: 'oh', u: 'ou' },
  vrm: { a: 'aa', i: 'ih', u: 'ou', e: 'ee', o: 'oh' },
};

/** The set of which most is there; a head that has but one or two of these short names means something else. */
function bindVisemes(named: readonly Named[]): Bindings['visemes'] {
  const sets = (['oculus', 'vrm'] as const).map((set) => {
    const names = visemeNames(set), lower = names.map((name) => name.toLowerCase());
    const meant = (name: string): number => {
      const text = ending(name, (part) => lower.includes(part) || part in SPELT[set]);
      return lower.indexOf(lower.includes(text) ? text : (SPELT[set][text] ?? ''));
    };
    return { set, moved: names.map((_, viseme) => movedBy(named, (name) => meant(name) === viseme)) };
  });
  const found = ({ moved }: { moved: Binding[][] }): number => moved.filter((bound) => bound.length).length;
  const [oculus, vrm] = sets;
  const best = found(oculus) >= 8 ? oculus : vrm;
  return found(best) >= 3 ? best : null;
}

function targetsOf({ scene }: GLTF): Named[] {
  const named: Named[] = [];
  scene.traverse((node) => {
    const { morphTargetDictionary = {}, morphTargetInfluences } = node as Mesh;
    if (!morphTargetInfluences) return;
    for (const [name, target] of Object.entries(morphTargetDictionary)) named.push({ name, influences: morphTargetInfluences, target, factor: 1 });
  });
  return named;
}

/** VRM 0 says per group which targets of which mesh, in percent; VRM 1 per expression which targets of which node. */
function expressionsOf({ parser, scene }: GLTF): Named[] {
  const { VRM, VRMC_vrm } = (parser.json.extensions ?? {}) as Record<string, any>;
  const named: Named[] = [];
  const add = (name: string, kind: 'meshes' | 'nodes', number: number, target: number, weight: number): void => {
    for (const { morphTargetInfluences: influences } of meshesOf(parser, scene, kind, number)) {
      // Some exporters write Unity's 0..100 there too.
      if (influences && target in influences) named.push({ name, influences, target, factor: kind === 'meshes' || weight > 1 ? weight / 100 : weight });
    }
  };
  for (const { name, presetName, binds } of VRM?.blendShapeMaster?.blendShapeGroups ?? []) {
    const called = presetName && presetName !== 'unknown' ? presetName : name;
    for (const { mesh, index, weight } of binds ?? []) add(called, 'meshes', mesh, index, weight);
  }
  const { preset, custom } = VRMC_vrm?.expressions ?? {};
  for (const [name, expression] of Object.entries<any>({ ...preset, ...custom })) {
    for (const { node, index, weight } of expression.morphTargetBinds ?? []) add(name, 'nodes', node, index, weight);
  }
  return named;
}

function meshesOf(parser: GLTF['parser'], scene: Object3D, kind: 'meshes' | 'nodes', number: number): Mesh[] {
  const found = new Set<Mesh>();
  scene.traverse((node) => {
    if (parser.associations.get(node)?.[kind] === number) node.traverse((child) => (child as Mesh).isMesh && found.add(child as Mesh));
  });
  return [...found];
}
