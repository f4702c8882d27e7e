import { Euler, Object3D, Quaternion } from 'three';
import type { GLTF } from 'three/examples/jsm/loaders/GLTFLoader.js';
import type { Pose } from '../face/idle';

/** The head bone of a VRM: it turns, and the body stays. */
export class Skull {
  private readonly rest = new Quaternion();
  private readonly body = new Quaternion();

  constructor(private readonly bone: Object3D) {
    bone.getWorldQuaternion(this.rest);
    bone.parent?.getWorldQuaternion(this.body).invert();
  }

  /** Null where the file names no head bone. */
  static async of({ parser }: GLTF): Promise<Object3D | null> {
    const { VRM, VRMC_vrm } = (parser.json.extensions ?? {}) as Record<string, any>;
    const bones = VRM?.humanoid?.humanBones as { bone: string; node: number }[] | undefined;
    const node = VRMC_vrm?.humanoid?.humanBones?.head?.node ?? bones?.find(({ bone }) => bone === 'head')?.node;
    return node === undefined ? null : ((await parser.getDependency('node', node)) as Object3D);
  }

  /** The pose is meant in the world, whatever the bone's own axes. */
  hold({ pitch, yaw, roll }: Pose): void {
    const turn = new Quaternion().setFromEuler(new Euler(pitch, yaw, roll, 'YXZ'));
    this.bone.quaternion.copy(this.body).multiply(turn).multiply(this.rest);
  }
}
