import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import { type CodeBlock, root } from './code-blocks.js'
import { preludes } from './prelude.js'

/** Declares modules that examples import but that this repository does not install. */
const ambientModules = `declare module '@tensorflow/tfjs' {
  export * from '@tensorflow/tfjs-core'
}
`

/** Type-checks code blocks in one program. Returns one line for each error: the README, the block's line and the message. */
export function typeErrors(blocks: readonly CodeBlock[]): string[] {
  const folder = join(root, 'tools/examples')
  const files = new Map(blocks.map((block, i) => [join(folder, `block-${i}.ts`), block]))
  const texts = new Map([...files].map(([path, block]) => [path, withPrelude(block)]))
  texts.set(join(folder, 'ambient-modules.d.ts'), ambientModules)

  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root)
  const checked: ts.CompilerOptions = {
    ...options,
    // An example may show a value without using it.
    noUnusedLocals: false,
    noUnusedParameters: false,
    paths: packagePaths(),
  }
  const host = ts.createCompilerHost(checked)
  const { fileExists, getSourceFile, readFile } = host
  host.fileExists = (path) => texts.has(path) || fileExists(path)
  host.readFile = (path) => texts.get(path) ?? readFile(path)
  host.getSourceFile = (path, version, ...rest) => {
    const text = texts.get(path)
    return text === undefined
      ? getSourceFile(path, version, ...rest)
      : ts.createSourceFile(path, text, version, true)
  }
  const program = ts.createProgram([...texts.keys()], checked, host)
  return [...files].flatMap(([path, { readme, line }]) => {
    const file = program.getSourceFile(path)
    const diagnostics = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
    return diagnostics.map(({ messageText, start = 0 }) => {
      const message = ts.flattenDiagnosticMessageText(messageText, '\n')
      // The first line of the text is the prelude, as the fence is the first line of the block.
      return `${readme}:${line + file!.getLineAndCharacterOfPosition(start).line}: ${message}`
    })
  })
}

/** Returns the block with the declarations that it needs on an extra first line. */
function withPrelude({ readme, code }: CodeBlock): string {
  const declared = declaredNames(code)
  const sections = Object.entries(preludes).filter(([key]) => {
    const [path, module] = key.split('#')
    return path === readme && (module === undefined || code.includes(`'${module}'`))
  })
  // Sections for an imported module come first, and their types win.
  const types = Object.fromEntries(sections.reverse().flatMap(([, names]) => Object.entries(names)))
  const needed = Object.entries(types).filter(
    ([name]) => !declared.has(name) && new RegExp(`\\b${name}\\b`).test(code),
  )
  const declarations = needed.map(([name, type]) => `declare const ${name}: ${type};`)
  return `${declarations.join(' ')} export {}\n${code}`
}

/** Returns the names that the top level of a module imports or declares. */
function declaredNames(code: string): Set<string> {
  const names = new Set<string>()
  const addBinding = (name: ts.BindingName): void => {
    if (ts.isIdentifier(name)) {
      names.add(name.text)
      return
    }
    for (const element of name.elements) {
      if (ts.isBindingElement(element)) addBinding(element.name)
    }
  }
  for (const statement of ts.createSourceFile('block.ts', code, ts.ScriptTarget.Latest).statements) {
    if (ts.isVariableStatement(statement)) {
      for (const { name } of statement.declarationList.declarations) addBinding(name)
    } else if (ts.isImportDeclaration(statement)) {
      const bindings = statement.importClause?.namedBindings
      if (bindings && ts.isNamedImports(bindings)) {
        for (const { name } of bindings.elements) names.add(name.text)
      }
    }
  }
  return names
}

/** Maps each package and subpath to its source, and the tensor libraries to the copies that core uses. */
function packagePaths(): Record<string, string[]> {
  const paths: Record<string, string[]> = {}
  for (const folder of readdirSync(join(root, 'packages'))) {
    const manifestPath = join(root, 'packages', folder, 'package.json')
    const { name, exports } = JSON.parse(readFileSync(manifestPath, 'utf8')) as {
      name: string
      exports: Record<string, string | Record<string, string>>
    }
    for (const [subpath, target] of Object.entries(exports)) {
      const source = typeof target === 'string' ? target : target['@inverseform/source']
      if (source) paths[`${name}${subpath.slice(1)}`] = [join(dirname(manifestPath), source)]
    }
  }
  const ofCore = (name: string) => [join(root, 'packages/core/node_modules', name)]
  for (const name of ['@tensorflow/tfjs-core', '@jax-js/jax']) paths[name] = ofCore(name)
  return paths
}
