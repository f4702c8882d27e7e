import { GLTFLoader } from 'three/examples/jsm/loaders/GLTFLoader.js';

/** Pictures in KTX2: their decoder makes code of text, which the page's Content-Security-Policy forbids for good reason. */
export class PackedPictures extends Error {}

/** A loader with the decoders that this GLB needs, and no others; they come from the page's own server. Raises PackedPictures. */
export async function loaderFor(bytes: ArrayBuffer): Promise<GLTFLoader> {
  const loader = new GLTFLoader(), document = documentOf(bytes);
  if (document.includes('meshopt_compression')) {
    loader.setMeshoptDecoder((await import('three/examples/jsm/libs/meshopt_decoder.module.js')).MeshoptDecoder);
  }
  if (document.includes('KHR_draco_mesh_compression')) {
    const { DRACOLoader } = await import('three/examples/jsm/loaders/DRACOLoader.js');
    loader.setDRACOLoader(new DRACOLoader().setDecoderPath('./'));
  }
  if (document.includes('KHR_texture_basisu')) throw new PackedPictures();
  return loader;
}

/** The JSON of a GLB; '' for what is not one. */
function documentOf(bytes: ArrayBuffer): string {
  const size = bytes.byteLength < 20 ? 0 : new DataView(bytes).getUint32(12, true);
  return new TextDecoder().decode(bytes.slice(20, 20 + size));
}
