import { Object3D, Quaternion, Vector3 } from 'three';
import { describe, expect, it } from 'vitest';
import { Skull } from '../../src/scene/skull';

const POSE = { pitch: 0.2, yaw: 0.3, roll: 0, lift: 0 };

/** Where a head looks whose bone lies anyhow in a body that is turned anyhow. */
function looks(body: Quaternion, bone: Quaternion, pose = POSE): Vector3 {
  const parent = new Object3D(), child = new Object3D();
  parent.quaternion.copy(body);
  child.quaternion.copy(bone);
  parent.add(child);
  parent.updateMatrixWorld(true);
  const ahead = new Vector3(0, 0, 1).applyQuaternion(child.getWorldQuaternion(new Quaternion()).invert());
  new Skull(child).hold(pose);
  parent.updateMatrixWorld(true);
  return ahead.applyQuaternion(child.getWorldQuaternion(new Quaternion()));
}

describe('the head bone of a VRM', () => {
  const odd = new Quaternion().setFromAxisAngle(new Vector3(1, 2, 3).normalize(), 1.1), half = new Quaternion(0, 1, 0, 0);

  it.each([[new Quaternion(), new Quaternion()], [half, new Quaternion()], [half, odd], [odd, odd]])('turns to its own left and down, however it lies', (body, bone) => {
    const { x, y, z } = looks(body, bone);
    expect([x, y, z].map((value) => value.toFixed(4))).toEqual([Math.sin(0.3) * Math.cos(0.2), -Math.sin(0.2), Math.cos(0.3) * Math.cos(0.2)].map((value) => value.toFixed(4)));
  });

  it('stands as the file has it where nothing turns', () => {
    expect(looks(odd, half, { pitch: 0, yaw: 0, roll: 0, lift: 0 }).z).toBeCloseTo(1);
  });
});
