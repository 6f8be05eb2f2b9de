/**
 * Modules of Python whose names appear in pickles only to run code, reach the network or change files. Their submodules
 * count too.
 */
const modules: readonly string[] = [
  ...['os', 'posix', 'nt', 'posixpath', 'ntpath', 'subprocess', '_posixsubprocess', 'popen2', 'pty'],
  ...['sys', 'shutil', 'tempfile', 'fileinput', 'zipfile', 'tarfile', 'gzip', 'bz2', 'lzma', 'io', '_io'],
  ...[
    'socket',
    '_socket',
    'ssl',
    'select',
    'selectors',
    'asyncio',
    'socketserver',
    'http',
    'httplib',
    'urllib',
  ],
  ...[
    'urllib2',
    'urllib3',
    'requests',
    'httpx',
    'aiohttp',
    'ftplib',
    'smtplib',
    'telnetlib',
    'poplib',
    'imaplib',
  ],
  ...['xmlrpc', 'webbrowser', 'antigravity', 'paramiko', 'fabric', 'pexpect', 'ptyprocess'],
  ...['ctypes', '_ctypes', 'cffi', '_cffi_backend', 'mmap', 'signal', 'atexit', 'gc'],
  ...['codeop', 'runpy', 'importlib', '_frozen_importlib', '_frozen_importlib_external', 'imp', '_imp'],
  ...['zipimport', 'pkgutil', 'pkg_resources', 'pydoc', 'sitecustomize', 'types', '_types', 'marshal'],
  ...[
    'pickle',
    '_pickle',
    'cPickle',
    'pickletools',
    'shelve',
    'dill',
    'cloudpickle',
    'joblib',
    'jsonpickle',
    'yaml',
  ],
  ...['timeit', 'cProfile', 'pdb', 'bdb', 'doctest', 'unittest', 'cgitb', 'faulthandler'],
  ...['multiprocessing', '_multiprocessing', 'threading', '_thread', 'concurrent', 'sched'],
  ...[
    'pip',
    'setuptools',
    'distutils',
    'ensurepip',
    'venv',
    'conda',
    'lib2to3',
    'idlelib',
    'turtle',
    'tkinter',
  ],
  ...['ast', 'dis', 'compileall', 'py_compile', 'logging.config', 'winreg', '_winreg', 'msvcrt', '_winapi'],
  ...['sqlite3', 'dbm', 'nturl2path', 'rlcompleter', 'readline', 'IPython', 'jedi', 'peewee', 'execnet'],
  ...[
    'torch.hub',
    'torch.utils.cpp_extension',
    'torch.utils.collect_env',
    'torch.utils.bottleneck',
    'torch.package',
  ],
  ...[
    'torch.multiprocessing',
    'torch.distributed.rpc',
    'torch.utils._config_module',
    'torch.utils.data.datapipes.utils',
  ],
  ...[
    'torch._inductor',
    'torch._dynamo',
    'torch.jit.unsupported_tensor_ops',
    'torch.testing',
    'torch.ops',
    'torch.classes',
  ],
  ...[
    'numpy.testing',
    'numpy.f2py',
    'numpy.distutils',
    'numpy.ctypeslib',
    'numpy.lib.npyio',
    'numpy.lib._npyio_impl',
  ],
]

/** Names of modules that are harmless otherwise. */
const names: readonly string[] = [
  ...[
    'eval',
    'exec',
    'execfile',
    'compile',
    'open',
    'file',
    'input',
    'raw_input',
    '__import__',
    'reload',
    'apply',
  ],
  ...['globals', 'locals', 'vars', 'dir', 'setattr', 'delattr', 'breakpoint', 'help', 'exit', 'quit'],
  'reduce',
]
  .map((name) => `builtins.${name}`)
  .concat(
    ['attrgetter', 'methodcaller', 'call'].flatMap((name) => [`operator.${name}`, `_operator.${name}`]),
    ['reduce'].flatMap((name) => [`functools.${name}`, `_functools.${name}`]),
    ['decode', 'open', 'lookup', 'register', 'EncodedFile', 'getreader'].flatMap((name) => [
      `codecs.${name}`,
      `_codecs.${name}`,
    ]),
    [
      'load',
      'loads',
      'fromfile',
      'memmap',
      'save',
      'savez',
      'savetxt',
      'loadtxt',
      'genfromtxt',
      'fromregex',
      'tofile',
    ]
      .flatMap((name) => [`numpy.${name}`, `numpy.core.multiarray.${name}`])
      .concat(['numpy.core.records.fromfile', 'numpy.lib.format.read_array', 'numpy.lib.format.open_memmap']),
    ['load', 'save', '_load', '_legacy_load', 'import_ir_module'].map((name) => `torch.${name}`),
    ['load', '_load', '_legacy_load', 'save', 'load_module'].map((name) => `torch.serialization.${name}`),
    ['load', 'save', 'CompilationUnit'].map((name) => `torch.jit.${name}`),
    ['load', 'import_ir_module'].map((name) => `torch._C.${name}`),
    ['torch.fx.graph_module._exec_with_source', 'torch.fx.graph_module._forward_from_src'],
    [
      'pandas.read_pickle',
      'pandas.io.pickle.read_pickle',
      'pandas.eval',
      'copyreg.add_extension',
      'copyreg.pickle',
    ],
    [
      'uuid._get_command_stdout',
      'uuid._popen',
      'linecache.getline',
      'linecache.updatecache',
      'configparser.read',
    ],
    [
      'ensurepip._run_pip',
      'logging.FileHandler',
      'pathlib.Path.open',
      'pathlib.Path.unlink',
      'pathlib.Path.write_text',
    ],
    ['code.interact', 'code.InteractiveInterpreter', 'code.InteractiveConsole', 'code.compile_command'],
    [
      'commands.getoutput',
      'commands.getstatusoutput',
      'platform.popen',
      'profile.run',
      'profile.Profile',
      'trace.Trace',
    ],
    [
      'thread.start_new_thread',
      'cmd.Cmd',
      'inspect.getattr_static',
      'weakref.finalize',
      'test.support.script_helper',
    ],
  )

/** Attributes through which an object leads to Python's insides. */
const insides = new Set(
  (
    'globals builtins class bases base mro subclasses dict import getattribute getattr setattr delattr code closure ' +
    'func self loader spec reduce reduce_ex setstate init_subclass defaults wrapped'
  )
    .split(' ')
    .map((name) => `__${name}__`),
)

/** Modules that other modules import; naming one through them hides it, as in `random._os.system`. */
const hidden = new Set([
  'os',
  '_os',
  'sys',
  '_sys',
  'subprocess',
  'builtins',
  'importlib',
  'socket',
  'ctypes',
  'pickle',
])

const hostileModules = new Set(modules)
const hostileNames = new Set(names)

/** Parts of hostile modules that plain data is made of. */
const harmless: ReadonlySet<string> = new Set([
  'types.SimpleNamespace',
  'types.MappingProxyType',
  'io.BytesIO',
  '_io.BytesIO',
  'io.StringIO',
  '_io.StringIO',
  'torch._dynamo.eval_frame.OptimizedModule',
])

/** Whether a global is of use only to attack whoever loads the file. `name` has its Python 3 spelling. */
export function isHostile(module: string, name: string): boolean {
  const full = `${module}.${name}`
  if (harmless.has(full)) return false
  if (hostileNames.has(full)) return true
  const parts = full.split('.')
  for (let end = 1; end <= parts.length; end++) {
    if (hostileModules.has(parts.slice(0, end).join('.'))) return true
  }
  const attributes = name.split('.')
  if (attributes.some((part) => insides.has(part))) return true
  // `name` may lead through what a module imported.
  return attributes.length > 1 && attributes.slice(0, -1).some((part) => hidden.has(part))
}
