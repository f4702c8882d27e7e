import { Box3, Group, Material, Mesh, Object3D, Vector3 } from 'three';
import type { GLTF } from 'three/examples/jsm/loaders/GLTFLoader.js';
import type { Pose } from '../face/idle';
import { Visemes } from '../face/visemes';
import { bindShapes, type Binding, type Bindings } from './binding';
import { loaderFor } from './loading';
import { Neck } from './neck';
import { addMorphNormals } from './normals';
import { Skull } from './skull';

/** A head with ARKit shapes: ours, or one that was dropped on the page. */
export class Puppet {
  /** Turns about the neck. */
  readonly object = new Group();
  private readonly meshes: Mesh[] = [];
  private readonly neck = new Vector3();
  /** Ours bends its neck, a VRM turns its head bone; others turn about their lower end. */
  private readonly bent: Neck | Skull | null;

  private readonly visemes: Visemes | null;

  private constructor(private readonly gltf: GLTF, private readonly bindings: Bindings, bone: Object3D | null) {
    this.visemes = bindings.visemes && new Visemes(bindings.visemes.set);
    const { scene } = gltf;
    scene.traverse((node) => {
      if (!(node as Mesh).isMesh) return;
      this.meshes.push(node as Mesh);
      // Morphs and bones move it out of the box that culling goes by.
      node.frustumCulled = false;
    });
    scene.updateMatrixWorld(true);
    const box = new Box3().setFromObject(this.face());
    this.neck.set(0, box.min.y, (box.min.z + box.max.z) / 2);
    this.object.add(scene);
    this.object.position.copy(this.neck);
    scene.position.sub(this.neck);
    this.object.rotation.order = 'YXZ';
    this.object.updateMatrixWorld(true);
    const skin = this.skin();
    this.bent = skin ? new Neck(this.meshes, skin.matrixWorld.getMaxScaleOnAxis()) : bone && new Skull(bone);
  }

  /** Null when the file has neither the 52 names nor visemes. Raises what the loader raises for a file that is not a GLB. */
  static async load(bytes: ArrayBuffer): Promise<Puppet | null> {
    const loader = await loaderFor(bytes);
    const gltf = await loader.parseAsync(bytes, '');
    // VRM 0 looks backwards.
    if (gltf.parser.json.extensions?.VRM) gltf.scene.rotation.y = Math.PI;
    const bindings = bindShapes(gltf);
    return bindings.visemes || bindings.shapes.some((bound) => bound.length) ? new Puppet(gltf, bindings, await Skull.of(gltf)) : null;
  }

  /** How many of the 52 shapes it has. */
  get shapes(): number {
    return this.bindings.shapes.filter((bound) => bound.length).length;
  }

  /** How many visemes it has instead of a mouth of those shapes. */
  get visemeCount(): number {
    return this.bindings.visemes?.moved.filter((bound) => bound.length).length ?? 0;
  }

  apply(weights: Float32Array): void {
    for (const mesh of this.meshes) mesh.morphTargetInfluences?.fill(0);
    const move = (moved: Binding[][], by: ArrayLike<number>): void => moved.forEach((bound, at) => {
      for (const { influences, target, factor } of bound) influences[target] += by[at] * factor;
    });
    move(this.bindings.shapes, weights);
    if (this.visemes) move(this.bindings.visemes!.moved, this.visemes.of(weights));
  }

  hold(pose: Pose): void {
    if (this.bent) this.bent.hold(pose);
    else this.object.rotation.set(pose.pitch, pose.yaw, pose.roll);
    this.object.position.y = this.neck.y + pose.lift;
  }

  /** Where to look, and how much of it should fill the picture's height. */
  view(): { focus: Vector3; height: number } {
    const box = new Box3().setFromObject(this.face()), size = box.getSize(new Vector3());
    const height = Math.min(size.y, size.x * 1.15);
    return { focus: new Vector3((box.min.x + box.max.x) / 2, box.max.y - height * 0.49, (box.min.z + box.max.z) / 2), height: height * 1.02 };
  }

  /** Gives moved surfaces their own normals, one mesh after the other, so that no frame waits for all of it. */
  async refine(rest: () => Promise<void>): Promise<void> {
    for (const { geometry } of this.meshes) {
      await rest();
      addMorphNormals(geometry);
      // Only then three.js packs the targets anew.
      geometry.dispose();
    }
  }

  /** Metres from the lower up to the upper inner lip as drawn now; null for heads that do not say where they are. */
  lipGap(): number | null {
    const skin = this.skin();
    const marks = skin?.userData.landmarks ?? skin?.parent?.userData.landmarks;
    if (!skin || !marks) return null;
    const place = (vertex: number): Vector3 => skin.getVertexPosition(vertex, new Vector3()).applyMatrix4(skin.matrixWorld);
    return place(marks.lipUpper).y - place(marks.lipLower).y;
  }

  dispose(): void {
    for (const { geometry, material } of this.meshes) {
      geometry.dispose();
      for (const one of [material].flat() as Material[]) one.dispose();
    }
  }

  /** The mesh of ours that says where the lips are. */
  private skin(): Mesh | undefined {
    return this.meshes.find((mesh) => mesh.userData.landmarks ?? mesh.parent?.userData.landmarks);
  }

  /** The part that speaks: a whole body with a face on it is looked at in the face. */
  private face(): Object3D {
    const influences = new Set([...this.bindings.shapes, ...(this.bindings.visemes?.moved ?? [])].flat().map((bound) => bound.influences));
    const speaking = this.meshes.filter((mesh) => mesh.morphTargetInfluences && influences.has(mesh.morphTargetInfluences));
    return speaking.length === 1 ? speaking[0] : speaking[0]?.parent === this.gltf.scene || speaking.length === 0 ? this.gltf.scene : speaking[0].parent!;
  }
}
