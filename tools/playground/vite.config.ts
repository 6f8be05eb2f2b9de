import { defaultClientConditions, defineConfig } from 'vite'

/** What makes the page cross-origin isolated, which threads need. */
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

export default defineConfig({
  root: import.meta.dirname,
  // Runs in any folder of any host.
  base: './',
  // Packages resolve to their TypeScript sources: nothing has to be built first.
  resolve: { conditions: ['@inverseform/source', ...defaultClientConditions] },
  worker: { format: 'es' },
  // It finds its WebAssembly next to itself.
  optimizeDeps: { exclude: ['onnxruntime-web'] },
  server: { headers },
  preview: { headers },
})
