import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

// Built into the package and committed there: nobody who installs the wheel needs Node. Names without hashes keep the diffs small.
export default defineConfig({
  base: './',
  build: {
    outDir: '../src/emotalk/web/static',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: false,
    chunkSizeWarningLimit: 1200,
    rolldownOptions: {
      output: { entryFileNames: 'viewer.js', chunkFileNames: '[name].js', assetFileNames: '[name][extname]' },
    },
  },
  plugins: [
    {
      // Its decoders lie beside the page (scene/loading.ts says so); the loader's own addresses would bring each of them twice.
      name: 'draco',
      transform: (code, id) => (id.endsWith('/DRACOLoader.js') ? code.replaceAll(/new URL\( '[^']*', import\.meta\.url \)\.toString\(\)/g, "''") : null),
      generateBundle() {
        for (const fileName of ['draco_wasm_wrapper.js', 'draco_decoder.wasm']) {
          const source = readFileSync(new URL(`node_modules/three/examples/jsm/libs/draco/gltf/${fileName}`, import.meta.url));
          this.emitFile({ type: 'asset', fileName, source });
        }
      },
    },
    {
      name: 'sample',
      generateBundle() {
        const source = readFileSync(new URL('../examples/speech.wav', import.meta.url));
        this.emitFile({ type: 'asset', fileName: 'sample.wav', source });
      },
    },
  ],
  test: {
    projects: [
      { test: { name: 'unit', include: ['tests/unit/**/*.test.ts'], testTimeout: 60_000 } },
      { test: { name: 'bench', include: ['tests/bench/**/*.test.ts'] } },
      { test: { name: 'browser', include: ['tests/browser/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000, fileParallelism: false } },
    ],
  },
});
