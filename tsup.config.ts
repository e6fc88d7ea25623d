import { defineConfig } from 'tsup'

export default defineConfig({
  entry: ['src/index.ts', 'src/sql/index.ts'],
  format: ['esm', 'cjs'],
  target: 'node20',
  dts: true,
  sourcemap: true,
  clean: true,
  treeshake: true,
})
