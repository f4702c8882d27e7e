import { DataTexture, Loader, type Texture } from 'three';
import { GLTFLoader } from 'three/examples/jsm/loaders/GLTFLoader.js';
import type { KTX2Loader } from 'three/examples/jsm/loaders/KTX2Loader.js';

/** In place of pictures in KTX2: their decoder makes code of text, which the page's Content-Security-Policy forbids for good reason. */
class Unpainted extends Loader<Texture> {
  override load(_: string, done: (texture: Texture) => void): void {
    const texture = new DataTexture(new Uint8Array([190, 160, 140, 255]), 1, 1);
    texture.needsUpdate = true;
    done(texture);
  }
}

/** Does it have pictures that are left out? */
export const unpainted = (bytes: ArrayBuffer): boolean => documentOf(bytes).includes('KHR_texture_basisu');

/** A loader with the decoders that this GLB needs, and no others; they come from the page's own server. */
export async function loaderFor(bytes: ArrayBuffer): Promise<GLTFLoader> {
  const loader = new GLTFLoader(), document = documentOf(bytes);
  if (document.includes('meshopt_compression')) {
    loader.setMeshoptDecoder((await import('three/examples/jsm/libs/meshopt_decoder.module.js')).MeshoptDecoder);
  }
  if (document.includes('KHR_draco_mesh_compression')) {
    const { DRACOLoader } = await import('three/examples/jsm/loaders/DRACOLoader.js');
    loader.setDRACOLoader(new DRACOLoader().setDecoderPath('./'));
  }
  if (unpainted(bytes)) loader.setKTX2Loader(new Unpainted() as unknown as KTX2Loader);
  return loader;
}

/** The JSON of a GLB; '' for what is not one. */
function documentOf(bytes: ArrayBuffer): string {
  const size = bytes.byteLength < 20 ? 0 : new DataView(bytes).getUint32(12, true);
  return new TextDecoder().decode(bytes.slice(20, 20 + size));
}
