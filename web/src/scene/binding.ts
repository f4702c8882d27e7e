import type { Mesh, Object3D } from 'three';
import type { GLTF } from 'three/examples/jsm/loaders/GLTFLoader.js';
import { NAMES } from '../face/names';

/** One morph target that a shape moves. */
export interface Binding { influences: number[]; target: number; factor: number }

/** For each of the 52 shapes what it moves: morph targets of that name, or what a VRM says under that name. */
export function bindShapes(gltf: GLTF): Binding[][] {
  const bindings: Binding[][] = NAMES.map(() => []);
  const add = (name: string, mesh: Mesh, target: number, factor: number): void => {
    const shape = shapeOf(name);
    if (shape >= 0 && mesh.morphTargetInfluences && target in mesh.morphTargetInfluences) {
      bindings[shape].push({ influences: mesh.morphTargetInfluences, target, factor });
    }
  };
  gltf.scene.traverse((node) => {
    const mesh = node as Mesh;
    for (const [name, target] of Object.entries(mesh.morphTargetDictionary ?? {})) add(name, mesh, target, 1);
  });
  const named = bindings.some((bound) => bound.length);
  if (!named) bindVrm(gltf, add);
  return bindings;
}

/** The column of a target's name, however it is written: `jawOpen`, `JawOpen`, `face.jawOpen`, `browDown_L`; -1 for others. */
export function shapeOf(name: string): number {
  const plain = name.replace(/^.*[.:]/, '').replace(/_L$/, 'Left').replace(/_R$/, 'Right').replace(/_/g, '').toLowerCase();
  return LOWER.indexOf(plain);
}

const LOWER = NAMES.map((name) => name.toLowerCase());

type Add = (name: string, mesh: Mesh, target: number, factor: number) => void;

/** VRM 0 says per group which targets of which mesh, in percent; VRM 1 per expression which targets of which node. */
function bindVrm({ parser, scene }: GLTF, add: Add): void {
  const { VRM, VRMC_vrm } = (parser.json.extensions ?? {}) as Record<string, any>;
  for (const group of VRM?.blendShapeMaster?.blendShapeGroups ?? []) {
    for (const { mesh, index, weight } of group.binds ?? []) {
      meshesOf(parser, scene, 'meshes', mesh).forEach((one) => add(group.name, one, index, weight / 100));
    }
  }
  for (const [name, expression] of Object.entries<any>(VRMC_vrm?.expressions?.custom ?? {})) {
    for (const { node, index, weight } of expression.morphTargetBinds ?? []) {
      meshesOf(parser, scene, 'nodes', node).forEach((one) => add(name, one, index, weight));
    }
  }
}

function meshesOf(parser: GLTF['parser'], scene: Object3D, kind: 'meshes' | 'nodes', number: number): Mesh[] {
  const found = new Set<Mesh>();
  scene.traverse((node) => {
    if (parser.associations.get(node)?.[kind] === number) node.traverse((child) => (child as Mesh).isMesh && found.add(child as Mesh));
  });
  return [...found];
}
