import { Euler, Material, Matrix3, Matrix4, Mesh, Vector3 } from 'three';
import type { Pose } from '../face/idle';

/** Where our head's skull meets its neck, and the heights below and above which nothing and everything turns; metres. */
const PIVOT = new Vector3(0, -0.045, 0.005), PINNED = -0.15, FREE = -0.07;

/** Bends the neck of our own head: the skull turns, the lower end of the neck stays. Done where the vertices are drawn. */
export class Neck {
  private readonly turn = { value: new Matrix3() };

  /** `meshes` are of our head, whose positions are in units of `unit` metres. */
  constructor(meshes: readonly Mesh[], unit: number) {
    for (const mesh of meshes) for (const material of [mesh.material].flat()) this.bend(material, unit);
  }

  hold({ pitch, yaw, roll }: Pose): void {
    this.turn.value.setFromMatrix4(new Matrix4().makeRotationFromEuler(new Euler(pitch, yaw, roll, 'YXZ')));
  }

  private bend(material: Material, unit: number): void {
    // What lies within the skull turns with it, however low it hangs.
    const heights = material.name === 'skin' ? [PINNED / unit, FREE / unit] : [-2, -1].map((height) => height / unit);
    material.onBeforeCompile = (shader) => {
      Object.assign(shader.uniforms, { neckTurn: this.turn, neckPivot: { value: PIVOT.clone().divideScalar(unit) }, neckHeights: { value: heights } });
      shader.vertexShader = shader.vertexShader
        .replace('void main() {', 'uniform mat3 neckTurn; uniform vec3 neckPivot; uniform vec2 neckHeights;\nvoid main() {')
        .replace('#include <defaultnormal_vertex>', `float neckShare = smoothstep(neckHeights.x, neckHeights.y, position.y);
          objectNormal = mix(objectNormal, neckTurn * objectNormal, neckShare);
          #include <defaultnormal_vertex>`)
        .replace('#include <project_vertex>', `transformed = mix(transformed, neckTurn * (transformed - neckPivot) + neckPivot, neckShare);
          #include <project_vertex>`);
    };
  }
}
