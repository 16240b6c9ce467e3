// A stand-in for Jenkins, as strict as what it stands in for: runs a declarative Jenkinsfile with the Groovy that Jenkins
// has (2.4.21), each step for real where it can be (sh, checkout, timeouts, abort), else as an event that a test reads.
// What it does not know is refused; so is what Jenkins' own compiler or sandbox would refuse, as far as the rules here go.
//
//   groovy jenkins.groovy JENKINSFILE SETTINGS.json
//
// SIGTERM aborts the build; SIGUSR2 lets `jumpMinutes` pass at once. Events are JSON lines on stdout; what shells say goes to stderr.

import groovy.json.JsonOutput
import groovy.json.JsonSlurperClassic
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicInteger
import org.codehaus.groovy.ast.ClassCodeVisitorSupport
import org.codehaus.groovy.ast.ClassNode
import org.codehaus.groovy.ast.expr.ArgumentListExpression
import org.codehaus.groovy.ast.expr.BinaryExpression
import org.codehaus.groovy.ast.expr.ClosureExpression
import org.codehaus.groovy.ast.expr.ConstructorCallExpression
import org.codehaus.groovy.ast.expr.MethodCallExpression
import org.codehaus.groovy.ast.stmt.ExpressionStatement
import org.codehaus.groovy.classgen.GeneratorContext
import org.codehaus.groovy.control.CompilePhase
import org.codehaus.groovy.control.CompilerConfiguration
import org.codehaus.groovy.control.SourceUnit
import org.codehaus.groovy.control.customizers.CompilationCustomizer

/** What ends a step from outside: an abort, or a time-out. */
class Interruption extends RuntimeException {
  final String reason
  Interruption(String reason) { super("interrupted: ${reason}".toString()); this.reason = reason }
}

/** Where a step runs: the agent's workspace, variables on top, and until when. */
class Context {
  String workspace
  String label
  Map<String, String> variables = [:]
  List<Map> deadlines = []
  boolean told = false
  Context() {}
  Context(Context other) {
    workspace = other.workspace; label = other.label
    variables = new LinkedHashMap(other.variables); deadlines = new ArrayList(other.deadlines); told = other.told
  }
}

class Jenkins {
  static Map settings
  static final Map<String, String> globals = new ConcurrentHashMap<String, String>()
  static final ThreadLocal<Context> context = ThreadLocal.withInitial { new Context() }
  static final AtomicInteger nodes = new AtomicInteger()
  static volatile boolean aborted = false
  /** Milliseconds by which this clock is before the machine's: a test lets hours pass at once. */
  static volatile long ahead = 0
  static long now() { System.currentTimeMillis() + ahead }
  static String result = 'SUCCESS'

  static void event(Map what) {
    synchronized (Jenkins) { System.out.println(JsonOutput.toJson(what)); System.out.flush() }
  }

  static synchronized void worsen(String outcome) {
    def order = ['SUCCESS', 'UNSTABLE', 'FAILURE', 'ABORTED']
    if (order.indexOf(outcome) > order.indexOf(result)) result = outcome
  }

  static Object within(Map changes, Closure body) {
    def before = context.get()
    def inner = new Context(before)
    changes.each { name, value -> inner[name] = value }
    context.set(inner)
    try { return body() } finally { before.told = inner.told; context.set(before) }
  }

  static Map params() { settings.parameters.asImmutable() }

  static Context needsNode(String step) {
    def here = context.get()
    if (here.workspace == null) throw new IllegalStateException("${step} needs an agent: it is outside of node and of a stage with one")
    return here
  }

  static Object onNode(String label, Closure body) {
    if (!(label in settings.labels)) throw new IllegalStateException("No agent has the label ${label}: the build would wait for ever")
    checkInterrupted()
    def number = nodes.incrementAndGet()
    def workspace = new File(settings.work as String, "agent-${number}")
    workspace.mkdirs()
    event(type: 'node', node: number, label: label, workspace: workspace.path)
    try { return within(workspace: workspace.path, label: label, body) }
    finally { event(type: 'node-end', node: number) }
  }

  /** An abort reaches whatever runs once; what cleans up afterwards is let be. */
  static void checkInterrupted() {
    def here = context.get()
    if (aborted && !here.told) { here.told = true; throw new Interruption('aborted') }
    def due = here.deadlines.find { !it.told && now() > it.at }
    if (due) { due.told = true; throw new Interruption('time-out') }
  }

  static Object timeout(Map limits, Closure body) {
    def unknown = limits.keySet() - ['time', 'unit', 'activity']
    if (unknown) throw new IllegalArgumentException("timeout knows no ${unknown}")
    def milliseconds = java.util.concurrent.TimeUnit.valueOf((limits.unit ?: 'MINUTES') as String).toMillis(limits.time as long)
    event(type: 'timeout', minutes: milliseconds.intdiv(60000))
    within(deadlines: context.get().deadlines + [[at: now() + milliseconds, told: false]], body)
  }

  /** As Jenkins' durable tasks: a shell of its own session, whose processes are known by a variable, which ends them all. */
  static Object shell(Map step) {
    def unknown = step.keySet() - ['script', 'returnStdout', 'returnStatus', 'label', 'encoding']
    if (unknown) throw new IllegalArgumentException("sh knows no ${unknown}")
    def here = needsNode('sh')
    checkInterrupted()
    def script = step.script as String
    def cookie = UUID.randomUUID().toString()
    def builder = new ProcessBuilder('setsid', '--wait', 'sh', '-xe', '-c', script).directory(new File(here.workspace))
    builder.environment().clear()
    builder.environment().putAll(settings.agent as Map)
    builder.environment().putAll(params().collectEntries { name, value -> [name, value as String] })
    builder.environment().putAll(globals)
    builder.environment().putAll(here.variables)
    builder.environment().putAll(WORKSPACE: here.workspace, BUILD_NUMBER: settings.buildNumber as String, JENKINS_NODE_COOKIE: cookie)
    event(type: 'sh', node: here.workspace, script: script)
    def process = builder.start()
    process.outputStream.close()
    def out = new ByteArrayOutputStream()
    def said = Thread.start { process.errorStream.eachLine { System.err.println(it) } }
    def answered = Thread.start {
      if (step.returnStdout) out << process.inputStream
      else process.inputStream.eachLine { System.err.println(it) }
    }
    Interruption interruption = null
    while (process.isAlive()) {
      try { checkInterrupted() } catch (Interruption caught) { interruption = caught; kill(cookie, process); break }
      process.waitFor(100, java.util.concurrent.TimeUnit.MILLISECONDS)
    }
    process.waitFor(); said.join(); answered.join()
    def status = process.exitValue()
    event(type: 'sh-end', node: here.workspace, script: script, status: status)
    if (interruption) throw interruption
    if (step.returnStatus) return status
    if (status != 0) throw new RuntimeException("script returned exit code ${status}")
    return step.returnStdout ? out.toString('UTF-8') : null
  }

  /**
   * SIGTERM for each process that carries the cookie, and SIGKILL for what does not end: as Jenkins does it on Unix, which
   * waits 5 s where nothing else is set. A busy machine is given more here.
   */
  static void kill(String cookie, Process process) {
    signal('TERM', cookie)
    def end = System.currentTimeMillis() + 30000
    while (carriers(cookie) && System.currentTimeMillis() < end) Thread.sleep(100)
    def left = carriers(cookie)
    if (left) { event(type: 'killed', processes: left.size()); signal('KILL', cookie) }
  }

  static void signal(String name, String cookie) {
    carriers(cookie).each { new ProcessBuilder('kill', "-${name}".toString(), it).redirectErrorStream(true).start().waitFor() }
  }

  static List<String> carriers(String cookie) {
    def mark = "JENKINS_NODE_COOKIE=${cookie}".toString()
    (new File('/proc').list() as List).findAll { it ==~ /\d+/ }.findAll {
      try { new File("/proc/${it}/environ").getText('ISO-8859-1').split('\0').contains(mark) } catch (IOException gone) { false }
    }
  }
}

/** `env`: read and set as properties. */
class Env {
  Object getProperty(String name) {
    def here = Jenkins.context.get()
    here.variables[name] ?: Jenkins.globals[name] ?: (Jenkins.settings.agent as Map)[name] ?:
      [BUILD_NUMBER: Jenkins.settings.buildNumber as String, WORKSPACE: here.workspace][name]
  }
  void setProperty(String name, Object value) { Jenkins.globals[name] = value as String }
}

class CurrentBuild {
  String description
  String getCurrentResult() { Jenkins.result }
  void setDescription(String text) { description = text; Jenkins.event(type: 'description', text: text) }
}

class Scm { List getUserRemoteConfigs() { [[url: Jenkins.settings.repository]] } }

/** Every step that the Jenkinsfile may use; the script itself, so that its own functions use them too. */
abstract class JenkinsfileScript extends Script {
  def getEnv() { theEnv }
  def getParams() { Jenkins.params() }
  def getScm() { theScm }
  def getCurrentBuild() { theBuild }
  static final theEnv = new Env()
  static final theScm = new Scm()
  static final theBuild = new CurrentBuild()

  def pipeline(Closure body) { new PipelineModel(script: this).run(body) }

  def sh(String script) { Jenkins.shell(script: script) }
  def sh(Map step) { Jenkins.shell(step) }
  def echo(String text) { Jenkins.event(type: 'echo', text: text) }
  def error(String text) { throw new RuntimeException(text) }
  def script(Closure body) { StepsModel.call(this, body) }
  def node(String label, Closure body) { Jenkins.onNode(label) { StepsModel.call(this, body) } }
  def timeout(Map limits, Closure body) { Jenkins.timeout(limits) { StepsModel.call(this, body) } }
  def withEnv(List variables, Closure body) {
    def added = variables.collectEntries { String each -> each.split('=', 2) as List }
    Jenkins.within(variables: Jenkins.context.get().variables + added) { StepsModel.call(this, body) }
  }
  def readJSON(Map step) {
    if (step.keySet() - ['text', 'returnPojo']) throw new IllegalArgumentException("readJSON knows no ${step.keySet()}")
    // Else it answers objects of net.sf.json, whose join() and toString() are not those of lists and texts.
    if (!step.returnPojo) throw new IllegalArgumentException('readJSON without returnPojo')
    new JsonSlurperClassic().parseText(step.text as String)
  }
  def junit(Map step) { files('junit', step, step.testResults as String, step.allowEmptyResults as boolean, ['testResults', 'allowEmptyResults']) }
  def archiveArtifacts(Map step) { files('archive', step, step.artifacts as String, step.allowEmptyArchive as boolean, ['artifacts', 'allowEmptyArchive']) }

  private void files(String type, Map step, String pattern, boolean mayBeEmpty, List known) {
    if (step.keySet() - known) throw new IllegalArgumentException("${type} knows no ${step.keySet() - known}")
    def here = Jenkins.needsNode(type)
    def root = new File(here.workspace).toPath()
    def matcher = root.fileSystem.getPathMatcher("glob:${pattern}")
    def found = []
    def top = new File(here.workspace, pattern.split('/')[0])
    if (top.isDirectory()) top.eachFileRecurse { if (it.isFile() && matcher.matches(root.relativize(it.toPath()))) found << it.path }
    if (!found && !mayBeEmpty) throw new RuntimeException("${type}: nothing matches ${pattern}")
    Jenkins.event(type: type, files: found.sort())
    if (type != 'junit') return
    // Jenkins marks a build with failed tests unstable.
    def failed = found.any { path ->
      def suites = new XmlSlurper().parse(new File(path))
      suites.'**'.any { it.name() in ['failure', 'error'] }
    }
    if (failed) Jenkins.worsen('UNSTABLE')
  }

  def scmGit(Map scm) {
    if (scm.keySet() - ['branches', 'userRemoteConfigs', 'extensions']) throw new IllegalArgumentException("scmGit with ${scm.keySet()}")
    scm
  }
  def cleanBeforeCheckout() { 'clean' }
  def checkout(Map scm) {
    def here = Jenkins.needsNode('checkout')
    def revision = scm.branches[0].name as String
    def url = scm.userRemoteConfigs[0].url as String
    def find = "git rev-parse -q --verify \"origin/\$REVISION^{commit}\" || git rev-parse -q --verify \"\$REVISION^{commit}\""
    Jenkins.within(variables: here.variables + [REVISION: revision, URL: url]) {
      Jenkins.shell(script: "[ -d .git ] || git clone --quiet --no-checkout \"\$URL\" .; git clean -qfdx; commit=\$(${find}); git checkout --quiet --force --detach \"\$commit\"")
    }
  }

  def parallel(Map branches) {
    if (branches.isEmpty()) throw new IllegalArgumentException('parallel without branches')
    def outer = Jenkins.context.get()
    def failures = Collections.synchronizedList([])
    def threads = branches.findAll { it.key != 'failFast' }.collect { name, body ->
      Thread.start {
        Jenkins.context.set(new Context(outer))
        Jenkins.event(type: 'branch', name: name)
        try { StepsModel.call(this, body as Closure) } catch (Throwable thrown) { failures << thrown }
        Jenkins.event(type: 'branch-end', name: name)
      }
    }
    threads*.join()
    outer.told = outer.told || Jenkins.aborted
    if (failures) throw (failures.find { it instanceof Interruption } ?: failures[0])
  }
}

class StepsModel {
  /** Steps see the script alone: not what is around them in the model. */
  static Object call(Script script, Closure body) {
    body.delegate = script
    body.resolveStrategy = Closure.DELEGATE_ONLY
    body.call()
  }
}

/** A section of the declarative model: knows its own words and no others. */
abstract class Section {
  Script script
  abstract Set<String> words()
  Object run(Closure body) {
    body.delegate = this
    body.resolveStrategy = Closure.DELEGATE_ONLY
    body.call()
  }
  Object getProperty(String name) {
    if (name in ['params', 'env', 'currentBuild', 'scm']) return script."$name"
    if (name == 'none' || name == 'any') return name
    def own = this.metaClass.getMetaProperty(name)
    if (own) return own.getProperty(this)
    throw new MissingPropertyException(name, this.class)
  }
}

class PostModel extends Section {
  Map<String, Closure> conditions = [:]
  Set<String> words() { ['always', 'changed', 'fixed', 'regression', 'aborted', 'failure', 'success', 'unstable', 'unsuccessful', 'cleanup'] }
  def methodMissing(String name, args) {
    if (!(name in words()) || args.size() != 1 || !(args[0] instanceof Closure)) throw new IllegalArgumentException("post knows no ${name}")
    conditions[name] = args[0]
  }
  void settle(String result) {
    def holds = [always: true, aborted: result == 'ABORTED', failure: result == 'FAILURE', success: result == 'SUCCESS',
      unstable: result == 'UNSTABLE', unsuccessful: result != 'SUCCESS', cleanup: true]
    for (condition in words()) {
      if (!conditions[condition] || !holds[condition]) continue
      try { StepsModel.call(script, conditions[condition]) }
      catch (Throwable thrown) { Jenkins.event(type: 'post-failed', condition: condition, message: thrown.message); Jenkins.worsen('FAILURE') }
    }
  }
}

class OptionsModel extends Section {
  boolean ofStage
  Map limits
  List<String> found = []
  Set<String> words() { ofStage ? ['timeout', 'skipDefaultCheckout', 'timestamps', 'retry'] : ['timeout', 'skipDefaultCheckout', 'timestamps', 'disableConcurrentBuilds', 'buildDiscarder', 'retry'] }
  def logRotator(Map limits) {
    if (limits.keySet() - ['numToKeepStr', 'artifactNumToKeepStr', 'daysToKeepStr', 'artifactDaysToKeepStr']) throw new IllegalArgumentException("logRotator with ${limits.keySet()}")
    limits
  }
  def methodMissing(String name, args) {
    if (!(name in words())) throw new IllegalArgumentException("options of ${ofStage ? 'a stage' : 'a pipeline'} know no ${name}")
    found << name
    if (name == 'timeout') limits = args[0]
  }
}

class ParametersModel extends Section {
  Map<String, Object> defaults = [:]
  Set<String> words() { ['string', 'choice', 'booleanParam'] }
  def methodMissing(String name, args) {
    if (!(name in words())) throw new IllegalArgumentException("parameters know no ${name}")
    Map given = args[0]
    def known = name == 'choice' ? ['name', 'choices', 'description'] : ['name', 'defaultValue', 'description', 'trim']
    if (given.keySet() - known || !given.description) throw new IllegalArgumentException("${name} with ${given.keySet()}")
    defaults[given.name] = name == 'choice' ? given.choices[0] : given.defaultValue
    if (name == 'choice') Jenkins.event(type: 'choices', name: given.name, choices: given.choices)
    def value = Jenkins.settings.parameters[given.name]
    if (name == 'choice' && value != null && !(value in given.choices)) throw new IllegalArgumentException("${value} is no choice of ${given.name}")
  }
}

/** Assignments: kept as they are set. */
class EnvironmentModel extends Section {
  Map<String, String> values = [:]
  Set<String> words() { [] }
  void setProperty(String name, Object value) {
    if (name == 'script') { this.@script = value; return }
    values[name] = value as String
  }
  Object getProperty(String name) { name == 'values' ? this.@values : values[name] ?: super.getProperty(name) }
}

class AgentModel extends Section {
  String name
  Set<String> words() { ['label'] }
  def label(String text) { name = text }
  def methodMissing(String word, args) { throw new IllegalArgumentException("agent knows no ${word} here") }
}

/** What a pipeline and a stage have in common. */
abstract class Block extends Section {
  Map parts = [:]
  def methodMissing(String name, args) {
    if (!(name in words())) throw new IllegalArgumentException("${this.class.simpleName} knows no ${name}")
    if (parts.containsKey(name)) throw new IllegalArgumentException("${name} stands twice")
    parts[name] = args[0]
  }
  String agentLabel() {
    def agent = parts.agent
    if (agent == null || agent == 'none') return null
    if (!(agent instanceof Closure)) throw new IllegalArgumentException("agent ${agent}")
    def model = new AgentModel(script: script)
    model.run(agent)
    return model.name
  }
  OptionsModel options(boolean ofStage) {
    def model = new OptionsModel(script: script, ofStage: ofStage)
    if (parts.options) model.run(parts.options as Closure)
    return model
  }
  Map environment() {
    def model = new EnvironmentModel(script: script)
    if (parts.environment) model.run(parts.environment as Closure)
    return model.values
  }
  void settle(String result) {
    if (!parts.post) return
    def model = new PostModel(script: script)
    model.run(parts.post as Closure)
    model.settle(result)
  }
  static Object limited(OptionsModel options, Closure body) { options.limits ? Jenkins.timeout(options.limits, body) : body() }
}

class StageModel extends Block {
  String name
  Set<String> words() { ['agent', 'options', 'environment', 'steps', 'post', 'when'] }
  void perform() {
    if (!parts.steps) throw new IllegalArgumentException("Stage ${name} has no steps")
    def before = Jenkins.result
    def label = agentLabel()
    def work = {
      def outcome = 'SUCCESS'
      try { StepsModel.call(script, parts.steps as Closure) }
      catch (Throwable thrown) { outcome = thrown instanceof Interruption ? 'ABORTED' : 'FAILURE'; throw thrown }
      finally { settle(outcome) }
    }
    def placed = { Jenkins.within(variables: Jenkins.context.get().variables + environment()) { label ? Jenkins.onNode(label, work) : work() } }
    limited(options(true), placed)
  }
}

class StagesModel extends Section {
  List<StageModel> stages = []
  Set<String> words() { ['stage'] }
  def stage(String name, Closure body) {
    def model = new StageModel(script: script, name: name)
    model.run(body)
    stages << model
  }
  def methodMissing(String name, args) { throw new IllegalArgumentException("stages know no ${name}") }
}

class PipelineModel extends Block {
  Set<String> words() { ['agent', 'parameters', 'options', 'environment', 'stages', 'post', 'triggers', 'tools'] }
  def run(Closure body) {
    super.run(body)
    for (needed in ['agent', 'stages']) if (!parts.containsKey(needed)) throw new IllegalArgumentException("pipeline has no ${needed}")
    def parameters = new ParametersModel(script: script)
    if (parts.parameters) parameters.run(parts.parameters as Closure)
    def unknown = Jenkins.settings.parameters.keySet() - parameters.defaults.keySet()
    if (unknown) throw new IllegalArgumentException("The job has no parameter ${unknown}")
    Jenkins.settings.parameters = parameters.defaults + Jenkins.settings.parameters
    Jenkins.event(type: 'parameters', defaults: parameters.defaults)
    def all = new StagesModel(script: script)
    all.run(parts.stages as Closure)
    def settings = options(false)
    Jenkins.event(type: 'options', names: settings.found)
    Jenkins.globals.putAll(environment())
    try {
      limited(settings) {
        for (stage in all.stages) {
          Jenkins.event(type: 'stage', name: stage.name)
          stage.perform()
        }
      }
    } catch (Throwable thrown) {
      Jenkins.worsen(thrown instanceof Interruption ? 'ABORTED' : 'FAILURE')
      Jenkins.event(type: 'failed', message: thrown.message as String, kind: thrown.class.name)
    }
    settle(Jenkins.result)
    Jenkins.event(type: 'result', result: Jenkins.result)
  }
}

/**
 * What Jenkins' declarative compiler, its continuations and its sandbox refuse, of what a Jenkinsfile is tempted to do:
 * Groovy among steps outside of script, loops by closures, matchers and readers that cannot be saved with a build.
 */
class Rules extends CompilationCustomizer {
  Rules() { super(CompilePhase.CONVERSION) }
  void call(SourceUnit source, GeneratorContext generator, ClassNode node) {
    def refuse = { expression, String why -> throw new IllegalArgumentException("Jenkinsfile line ${expression.lineNumber}: ${why}") }
    def visitor = new ClassCodeVisitorSupport() {
      protected SourceUnit getSourceUnit() { source }
      void visitMethodCallExpression(MethodCallExpression call) {
        def name = call.methodAsString
        if (name in ['each', 'eachWithIndex', 'collect', 'collectEntries', 'findAll', 'find', 'any', 'every', 'inject', 'sort', 'times'])
          refuse(call, "${name} takes a closure that cannot be continued after a restart")
        if (name in ['steps', 'always', 'unsuccessful', 'success', 'failure', 'aborted', 'cleanup'] && call.arguments instanceof ArgumentListExpression) {
          def body = call.arguments.expressions.find { it instanceof ClosureExpression }
          body?.code?.statements?.each {
            if (!(it instanceof ExpressionStatement) || !(it.expression instanceof MethodCallExpression) || !it.expression.implicitThis)
              refuse(it, "${name} takes steps alone; other code stands in script")
          }
        }
        super.visitMethodCallExpression(call)
      }
      void visitBinaryExpression(BinaryExpression expression) {
        if (expression.operation.text in ['=~', '==~']) refuse(expression, 'a matcher cannot be saved with a build')
        super.visitBinaryExpression(expression)
      }
      void visitConstructorCallExpression(ConstructorCallExpression call) { refuse(call, 'the sandbox allows no new objects of this kind') }
    }
    node.visitContents(visitor)
  }
}

Jenkins.settings = new JsonSlurperClassic().parse(new File(args[1]))
def aborting = { Jenkins.event(type: 'abort'); Jenkins.aborted = true } as sun.misc.SignalHandler
sun.misc.Signal.handle(new sun.misc.Signal('TERM'), aborting)
def waiting = { Jenkins.ahead += Jenkins.settings.jumpMinutes * 60000L } as sun.misc.SignalHandler
sun.misc.Signal.handle(new sun.misc.Signal('USR2'), waiting)
def configuration = new CompilerConfiguration(scriptBaseClass: JenkinsfileScript.name)
configuration.addCompilationCustomizers(new Rules())
try {
  new GroovyShell(this.class.classLoader, new Binding(), configuration).evaluate(new File(args[0]))
} catch (Throwable thrown) {
  Jenkins.event(type: 'refused', message: thrown.message as String)
  System.exit(2)
}
System.exit(Jenkins.result == 'SUCCESS' ? 0 : 1)
