/** Python in the editors: the language server, running and debugging, all with the Python that a folder is meant for. */
const { existsSync } = require('node:fs');
const path = require('node:path');
const vscode = require('vscode');
const { LanguageClient, TransportKind } = require('vscode-languageclient/node');

/** The Python of a file: of the nearest folder above it that has a .venv, else the one that the settings name. */
function interpreterOf(uri) {
  const root = uri && vscode.workspace.getWorkspaceFolder(uri)?.uri.fsPath;
  if (root) {
    for (let folder = uri.fsPath; folder.startsWith(root); folder = path.dirname(folder)) {
      const own = path.join(folder, '.venv/bin/python');
      if (existsSync(own)) return own;
    }
  }
  return vscode.workspace.getConfiguration('python', uri).get('defaultInterpreterPath');
}

function languageClient() {
  const module = path.join(__dirname, 'node_modules/basedpyright/langserver.index.js');
  const server = { module, transport: TransportKind.ipc };
  return new LanguageClient('python', 'Python', server, {
    documentSelector: [{ language: 'python' }],
    synchronize: { configurationSection: ['python', 'basedpyright'] },
    middleware: {
      workspace: {
        // It asks for the settings, those of an interpreter among them, once for each folder.
        async configuration({ items }, token, next) {
          const answers = await next({ items }, token);
          if (!Array.isArray(answers)) return answers;
          return answers.map((answer, index) => {
            const { section, scopeUri } = items[index];
            if (section !== 'python') return answer;
            return { ...answer, pythonPath: interpreterOf(scopeUri && vscode.Uri.parse(scopeUri)) };
          });
        },
      },
    },
  });
}

/** What "Run" and "Debug" are meant for: the file of the button, else that of the editor, saved. */
async function fileToRun(uri) {
  const document = await openDocument(uri ?? vscode.window.activeTextEditor?.document.uri);
  if (document && (!document.isDirty || (await document.save()))) return document.uri;
  void vscode.window.showWarningMessage('Open the Python file that is to run, and save it.');
}
const openDocument = async (uri) => uri && (await vscode.workspace.openTextDocument(uri));

async function runFile(chosen) {
  const uri = await fileToRun(chosen);
  if (!uri) return;
  const file = uri.fsPath;
  // A task waits for its terminal in every editor, and takes any file name without a shell's quoting.
  const task = new vscode.Task(
    { type: 'python', file },
    vscode.TaskScope.Workspace,
    path.basename(file),
    'Python',
    new vscode.ProcessExecution(interpreterOf(uri), [file], { cwd: path.dirname(file) }),
  );
  task.presentationOptions = { clear: true, showReuseMessage: false };
  await vscode.tasks.executeTask(task);
}

async function debugFile(chosen) {
  const uri = await fileToRun(chosen);
  if (!uri) return;
  await vscode.debug.startDebugging(vscode.workspace.getWorkspaceFolder(uri), launchOf(uri.fsPath));
}

const launchOf = (program) => ({ type: 'debugpy', request: 'launch', name: 'Python', program });

/** Fills in what a launch leaves out; none at all, of a folder without a launch.json, means the file that is open. */
function resolveLaunch(folder, given) {
  const launch = given.type ? given : launchOf(vscode.window.activeTextEditor?.document.uri.fsPath);
  if (!launch.program && !launch.module) {
    void vscode.window.showWarningMessage('Open the Python file that is to be debugged.');
    return undefined;
  }
  const file =
    launch.program && path.isAbsolute(launch.program) ? vscode.Uri.file(launch.program) : folder?.uri;
  return {
    console: 'integratedTerminal',
    cwd: launch.program ? '${fileDirname}' : '${workspaceFolder}',
    python: interpreterOf(file),
    // The editor would have to open a session for each process that the program starts.
    subProcess: false,
    ...launch,
  };
}

exports.activate = async (context) => {
  const client = languageClient();
  context.subscriptions.push(
    client,
    vscode.commands.registerCommand('python.runFile', runFile),
    vscode.commands.registerCommand('python.debugFile', debugFile),
    vscode.commands.registerCommand('python.restartLanguageServer', () => client.restart()),
    vscode.debug.registerDebugConfigurationProvider('debugpy', { resolveDebugConfiguration: resolveLaunch }),
    vscode.debug.registerDebugAdapterDescriptorFactory('debugpy', {
      // The image's own, which debugs the programs of every other Python too.
      createDebugAdapterDescriptor: () =>
        new vscode.DebugAdapterExecutable('/opt/venv/bin/python', ['-m', 'debugpy.adapter']),
    }),
  );
  await client.start();
};
