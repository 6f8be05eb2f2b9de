import { defaultClientConditions, defineConfig } from 'vite'

/** Headers that make the page cross-origin isolated, which threads need. */
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

export default defineConfig({
  root: import.meta.dirname,
  // The build works in any folder of a host.
  base: './',
  // Packages resolve to their TypeScript sources, so nothing must be built first.
  resolve: { conditions: ['@inverseform/source', ...defaultClientConditions] },
  worker: { format: 'es' },
  // It loads its WebAssembly file relative to itself.
  optimizeDeps: { exclude: ['onnxruntime-web'] },
  server: { headers },
  preview: { headers },
})
