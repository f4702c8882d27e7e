import { BufferAttribute, BufferGeometry } from 'three';

/**
 * Gives every morph target of `geometry` the normals that the moved surface has: the file carries positions only, which is half the size.
 * Only triangles that a target moves are looked at. Quantised positions become floats here.
 */
export function addMorphNormals(geometry: BufferGeometry): void {
  const index = geometry.index, morphs = geometry.morphAttributes.position;
  if (!index || !morphs || geometry.morphAttributes.normal) return;
  const corners = index.array, position = floats(geometry.attributes.position as BufferAttribute);
  const rest = new Float32Array(position.length);
  for (let at = 0; at < corners.length; at += 3) addTriangle(position, corners, at, rest, 1);
  geometry.morphAttributes.normal = morphs.map((morph) => morphNormal(position, floats(morph as BufferAttribute), corners, rest));
}

function morphNormal(position: Float32Array, delta: Float32Array, corners: ArrayLike<number>, rest: Float32Array): BufferAttribute {
  const moved = new Float32Array(position.length), sums = rest.slice(), touched = new Uint8Array(position.length / 3);
  for (let at = 0; at < moved.length; at++) moved[at] = position[at] + delta[at];
  for (let at = 0; at < corners.length; at += 3) {
    if (!(still(delta, corners[at]) && still(delta, corners[at + 1]) && still(delta, corners[at + 2]))) {
      addTriangle(position, corners, at, sums, -1);
      addTriangle(moved, corners, at, sums, 1);
      touched[corners[at]] = touched[corners[at + 1]] = touched[corners[at + 2]] = 1;
    }
  }
  return new BufferAttribute(differences(sums, rest, touched), 3);
}

const still = (delta: Float32Array, vertex: number): boolean =>
  delta[3 * vertex] === 0 && delta[3 * vertex + 1] === 0 && delta[3 * vertex + 2] === 0;

function differences(sums: Float32Array, rest: Float32Array, touched: Uint8Array): Float32Array {
  const result = new Float32Array(sums.length);
  for (let vertex = 0; vertex < touched.length; vertex++) {
    if (!touched[vertex]) continue;
    const at = 3 * vertex;
    const now = Math.hypot(sums[at], sums[at + 1], sums[at + 2]) || 1, then = Math.hypot(rest[at], rest[at + 1], rest[at + 2]) || 1;
    for (let axis = 0; axis < 3; axis++) result[at + axis] = sums[at + axis] / now - rest[at + axis] / then;
  }
  return result;
}

/** Adds `sign` times the triangle's normal, as long as its area is large, to each of its corners. */
function addTriangle(p: Float32Array, corners: ArrayLike<number>, at: number, sums: Float32Array, sign: number): void {
  const a = 3 * corners[at], b = 3 * corners[at + 1], c = 3 * corners[at + 2];
  const ux = p[b] - p[a], uy = p[b + 1] - p[a + 1], uz = p[b + 2] - p[a + 2];
  const vx = p[c] - p[a], vy = p[c + 1] - p[a + 1], vz = p[c + 2] - p[a + 2];
  const x = sign * (uy * vz - uz * vy), y = sign * (uz * vx - ux * vz), z = sign * (ux * vy - uy * vx);
  sums[a] += x; sums[a + 1] += y; sums[a + 2] += z;
  sums[b] += x; sums[b + 1] += y; sums[b + 2] += z;
  sums[c] += x; sums[c + 1] += y; sums[c + 2] += z;
}

function floats(attribute: BufferAttribute): Float32Array {
  const result = new Float32Array(attribute.count * 3);
  for (let vertex = 0, at = 0; vertex < attribute.count; vertex++) {
    result[at++] = attribute.getX(vertex);
    result[at++] = attribute.getY(vertex);
    result[at++] = attribute.getZ(vertex);
  }
  return result;
}
