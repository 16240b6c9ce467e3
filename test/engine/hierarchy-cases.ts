/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of Dockerfiles are written so. */
/**
 * Dockerfiles on which the engine's own frontend is the judge. The context has the files `a`, `b` and `d/x`; what is
 * accepted also builds. Our rules are those of engine 28.5; `since` says which rules are younger than engine 20.10:
 * tried on 20.10, 26.1 and 28.5, and between them as BuildKit's sources and release notes have it.
 */
export interface Case {
  readonly title: string;
  readonly source: string;
  readonly verdict: 'accepted' | 'refused';
  /** The first engine of this verdict, where 20.10 is not. Those before it judge the other way, or as `before` says. */
  readonly since?: `${number}.${number}`;
  readonly before?: 'panics' | 'copies otherwise';
  readonly buildArguments?: Readonly<Record<string, string>>;
}

type Options = Omit<Case, 'title' | 'source' | 'verdict'>;

const accepted = (title: string, source: string, options: Options = {}): Case => ({
  title,
  source,
  verdict: 'accepted',
  ...options,
});
const refused = (title: string, source: string, options: Options = {}): Case => ({
  title,
  source,
  verdict: 'refused',
  ...options,
});

/** On a stage of its own, with a file in it so that there is something to build. */
const inStage = (instructions: string): string => `FROM scratch\n${instructions}\nCOPY a /a\n`;
const acceptedLine = (instruction: string, options?: Options): Case =>
  accepted(instruction, inStage(instruction), options);
const refusedLine = (instruction: string, options?: Options): Case =>
  refused(instruction, inStage(instruction), options);
const refusedMount = (mount: string, options?: Options): Case =>
  refused(`--mount=${mount}`, `FROM debian:trixie\nRUN --mount=${mount} true\n`, options);

const layout: readonly Case[] = [
  accepted(
    'mixed case, tabs and indentation',
    '  from scratch as X\n\tcopy a /\nFROM scratch AS y\nCoPy --from=x a /b\n',
  ),
  accepted('byte order mark and CRLF', '\uFEFFFROM scratch\r\nCOPY a \\\r\n  /\r\n'),
  accepted(
    'continuations with comments and blank lines between',
    'FROM scratch\nCOPY a \\  \n\n# c\n   # d\n /\n',
  ),
  accepted('a keyword cut by a continuation', 'FR\\\nOM scratch\\\n AS \\\n x\nCOPY a /\n'),
  accepted('continuations before anything', '\\\nFROM scratch\n\\\n\nCOPY a /\n'),
  accepted('a doubled escape continues nothing', 'FROM scratch\nENV X=a\\\\\nCOPY a /\n'),
  accepted('an escape at the end of the file', 'FROM scratch\nCOPY a /\nENV X=a\\\n'),
  accepted('escape directive', '# escape=`\nFROM scratch\nCOPY a `\n /\n'),
  accepted(
    'escape directive without space, after another directive',
    '# check=skip=all\n#escape=`\nFROM scratch\nCOPY a `\n /\n',
    { since: '27.0' },
  ),
  refused('escape directive after a blank line is a comment', '\n# escape=`\nFROM scratch\nCOPY a `\n /\n'),
  refused('escape directive of another character', '# escape=x\nFROM scratch\nCOPY a /\n'),
  refused('escape directive twice', '# escape=`\n# escape=\\\nFROM scratch\nCOPY a /\n'),
  accepted('a shebang is a comment', '#!/usr/bin/env x\nFROM scratch\nCOPY a /\n'),
  refused('a no-break space is no space between words', 'FROM scratch\u00A0AS x\nCOPY a /\n'),
  refused('a comment after an instruction', 'FROM scratch AS x # c\nCOPY a /\n'),
  refused('a comment instead of a continuation', 'FROM scratch\nCOPY a \\\n# c\n'),
  refused('empty file', ''),
  refused('comments only', '# nothing\n'),
  refused('no FROM', 'ARG A=1\n', { since: '27.1', before: 'panics' }),
  refused('unknown instruction', 'FROM scratch\nFOO bar\n'),
  refused('unknown instruction before FROM', 'FOO x\nFROM scratch\nCOPY a /\n'),
  refused('instruction before FROM', 'COPY a /\nFROM scratch\nCOPY a /\n'),
];

const stages: readonly Case[] = [
  accepted('a stage on a stage', 'FROM scratch AS base\nCOPY a /\nFROM base\nCOPY b /\n'),
  accepted(
    'a name in upper case is the one in lower case',
    'FROM scratch AS Base\nCOPY a /\nFROM base AS x\nCOPY b /\n',
  ),
  refused('FROM compares by case', 'FROM scratch AS base\nCOPY a /\nFROM Base\nCOPY b /\n'),
  accepted(
    'COPY --from does not compare by case',
    'FROM scratch AS a\nCOPY a /\nFROM scratch AS b\nCOPY --from=A a /c\n',
  ),
  accepted('numbered stages', 'FROM scratch\nCOPY a /\nFROM scratch AS b\nCOPY --from=0 a /c\n'),
  accepted('numbers as Go reads them', 'FROM scratch\nCOPY a /\nFROM scratch AS b\nCOPY --from=+00 a /c\n'),
  accepted(
    'a stage with the name of its image',
    'FROM debian:trixie AS debian\nFROM debian AS z\nCOPY a /\n',
  ),
  accepted('a stage called scratch', 'FROM scratch AS scratch\nCOPY a /\nFROM scratch AS z\nCOPY b /\n'),
  accepted(
    'a stage called context',
    'FROM scratch AS context\nCOPY a /\nFROM scratch AS z\nCOPY --from=context a /\n',
  ),
  accepted(
    'files through three stages',
    'FROM scratch AS a\nCOPY a /\nFROM scratch AS b\nCOPY --from=a a /\nFROM scratch AS c\nCOPY --from=b a /\nCOPY --from=a a /b\n',
  ),
  accepted(
    'RUN --mount=from a stage',
    'FROM scratch AS f\nCOPY a /\nFROM debian:trixie AS g\nRUN --mount=from=F,target=/x cat /x/a\n',
  ),
  accepted('COPY --from without a value is the context', 'FROM scratch\nCOPY --from= a /\n'),
  accepted(
    'names with dots, dashes and underscores',
    'FROM scratch AS a.b-c_d\nCOPY a /\nFROM a.b-c_d AS e\nCOPY b /\n',
  ),
  refused('a name that ends in a dash', 'FROM scratch AS a-\nCOPY a /\n', { since: '23.0' }),
  refused('a name that starts with a digit', 'FROM scratch AS 1a\nCOPY a /\n'),
  refused('a name with a slash', 'FROM scratch AS a/b\nCOPY a /\n'),
  refused('a name with a variable', 'ARG B=x\nFROM scratch AS s$B\nCOPY a /\n'),
  refused('AS without a name', 'FROM scratch AS\nCOPY a /\n'),
  refused('something else than AS', 'FROM scratch a b\nCOPY a /\n'),
  refused('more after the name', 'FROM scratch as b c\nCOPY a /\n'),
  refused('FROM nothing', 'FROM\nCOPY a /\n'),
  refused('an image in upper case', 'FROM Upper\nCOPY a /\n'),
  refused('an image with two tags', 'FROM a:b:c\nCOPY a /\n'),
  refused('COPY --from an image in upper case', 'FROM scratch\nCOPY --from=Upper a /\n'),
  refused('COPY --from a stage below', 'FROM scratch AS a\nCOPY --from=b b /\nFROM scratch as b\nCOPY b /\n'),
  refused(
    'COPY --from the number of a stage below',
    'FROM scratch AS a\nCOPY --from=1 b /\nFROM scratch as b\nCOPY b /\n',
  ),
  refused('COPY --from itself', 'FROM scratch AS a\nCOPY a /\nCOPY --from=a a /c\n'),
  refused(
    'COPY --from its own number',
    'FROM scratch AS a\nCOPY a /\nFROM scratch AS b\nCOPY --from=1 a /c\n',
  ),
  refused('COPY --from a number too high', 'FROM scratch AS a\nCOPY a /\nCOPY --from=7 a /c\n'),
  refused('COPY --from a negative number', 'FROM scratch AS a\nCOPY a /\nCOPY --from=-1 a /c\n'),
  refused(
    'COPY --from a variable',
    'FROM scratch AS a\nCOPY a /\nFROM scratch\nARG F=a\nCOPY --from=$F a /x\n',
  ),
  refused('RUN --mount=from itself', 'FROM debian:trixie AS b\nRUN --mount=from=b,target=/x ls /x/etc\n'),
  refused(
    'RUN --mount=from a stage below',
    'FROM debian:trixie AS b\nRUN --mount=from=c,target=/x ls /x/a\nFROM scratch AS c\nCOPY a /\n',
  ),
  refused(
    'RUN --mount=from a variable',
    'FROM debian:trixie AS b\nARG F=a\nRUN --mount=from=$F,target=/x true\n',
  ),
  accepted(
    'ONBUILD runs in the stages on it',
    'FROM scratch AS p\nONBUILD COPY a /\nFROM p AS c\nCOPY b /\n',
  ),
  accepted(
    'ONBUILD --from a stage, and no further than its children',
    'FROM scratch AS s\nCOPY a /\nFROM scratch AS p\nONBUILD COPY --from=s a /\nFROM p AS c\nFROM c AS d\nCOPY b /\n',
    { since: '27.4' },
  ),
  accepted('ONBUILD of nonsense that is never triggered', inStage('ONBUILD FOO x')),
  refused(
    'ONBUILD of nonsense that is triggered',
    'FROM scratch AS p\nONBUILD FOO x\nFROM p AS c\nCOPY b /\n',
  ),
];

const variables: readonly Case[] = [
  accepted('a default', 'FROM ${NOPE:-scratch} AS p\nCOPY a /\n'),
  accepted('an alternative', 'ARG V=x\nFROM ${V:+scratch} AS p\nCOPY a /\n'),
  accepted('an ARG before FROM, from another ARG', 'ARG A=scr\nARG B=${A}atch\nFROM $B AS p\nCOPY a /\n'),
  accepted('an ARG given from outside', 'ARG B=nope\nFROM $B AS p\nCOPY a /\n', {
    buildArguments: { B: 'scratch' },
  }),
  accepted('several in one ARG', 'ARG A B=scratch\nFROM $B\nCOPY a /\n'),
  accepted('quotes and escapes in FROM', 'FROM "scr"\'at\'c\\h AS p\nCOPY a /\n'),
  accepted('a default without a colon', 'FROM ${NOPE-scratch} AS p\nCOPY a /\n', { since: '25.0' }),
  accepted('a suffix cut off', 'ARG V=scratch-1\nFROM ${V%-*} AS p\nCOPY a /\n', { since: '26.0' }),
  accepted('a prefix cut off', 'ARG V=x-x-scratch\nFROM ${V##*-} AS p\nCOPY a /\n', { since: '26.0' }),
  accepted('a part replaced', 'ARG V=scrotch\nFROM ${V/o/a} AS p\nCOPY a /\n', { since: '26.0' }),
  refused('an empty FROM', 'FROM $NOPE AS p\nCOPY a /\n'),
  refused('a required variable', 'FROM ${NOPE:?need} AS p\nCOPY a /\n'),
  refused('an open brace in FROM', 'FROM ${NOPE AS p\nCOPY a /\n'),
  refused('an open brace in ARG', 'ARG a=${\nFROM scratch\nCOPY a /\n', { since: '27.0' }),
  accepted('ENV wins over an ARG before it', 'FROM scratch\nARG X=a\nENV X=b\nCOPY $X /\n'),
  accepted('ARG wins over an ENV before it', 'FROM scratch\nENV X=b\nARG X=a\nCOPY $X /\n'),
  accepted(
    'ARG and ENV pass to the stages on it',
    'FROM scratch AS p\nARG X=a\nENV Y=b\nFROM p AS q\nCOPY $X $Y /\n',
  ),
  accepted('an ARG before FROM is unknown in a stage', 'ARG X=a\nFROM scratch AS p\nCOPY ${X:-b} /\n'),
  accepted('unless the stage asks for it', 'ARG X=a\nFROM scratch AS p\nARG X\nCOPY ${X:-b} /\n'),
  accepted("the stage's own default wins", 'ARG X=a\nFROM scratch AS p\nARG X=b\nCOPY ${X} /\n'),
  accepted('what is given from outside wins', 'ARG X=a\nFROM scratch AS p\nARG X=b\nCOPY ${X} /\n', {
    buildArguments: { X: 'd/x' },
  }),
  accepted('one ARG sees the one before it', 'FROM scratch AS p\nARG X=a Y=$X\nCOPY ${Y} /\n', {
    since: '27.0',
    before: 'copies otherwise',
  }),
  accepted(
    'one ENV sees what was before the whole instruction',
    'FROM scratch AS p\nENV X=a\nENV X=b Y=$X\nCOPY ${Y} /\n',
  ),
  accepted(
    'platform arguments',
    'FROM --platform=$BUILDPLATFORM scratch AS p\nARG TARGETOS\nENV Z=$TARGETOS-$TARGETARCH-\nCOPY a /$Z\n',
  ),
  accepted('an unset variable is empty', 'FROM scratch\nCOPY $X/a /\n'),
  accepted('quotes in ENV and paths', 'FROM scratch\nENV X=\'a b\' Y="c d" Z=e\\ f\nCOPY "a" "/$X$Y$Z"\n'),
  accepted('the old form of ENV', 'FROM scratch\nENV a b=c d\nCOPY a /\n'),
  refused('an unknown modifier', 'FROM scratch\nCOPY ${X:=a} /\n'),
  refused('nothing between the braces', 'FROM scratch\nCOPY ${} /\n'),
  refused('an open quote in a path', "FROM scratch\nCOPY 'a /\n"),
  refused('an open quote in ENV', 'FROM scratch\nENV X="a\nCOPY a /\n'),
  refusedLine('LABEL a=${'),
  refusedLine('USER ${'),
  acceptedLine('CMD ${'),
  acceptedLine('LABEL a=$'),
  accepted('a platform by architecture', 'FROM --platform=linux/foo scratch AS p\nCOPY a /\n'),
  refused('no platform', 'FROM --platform=foo scratch AS p\nCOPY a /\n'),
  refused('an empty platform', 'FROM --platform=$NOPE scratch AS p\nCOPY a /\n'),
];

const copies: readonly Case[] = [
  accepted('files, folders and patterns', 'FROM scratch\nCOPY a d/ /x/\nCOPY d/* ./b /y/\n'),
  accepted('paths are rooted in the context', 'FROM scratch\nCOPY ../a /d/../b /x/\n'),
  accepted('JSON form', 'FROM scratch\nCOPY ["a", "/x y"]\n'),
  accepted('quoted flags', 'FROM scratch\nCOPY --chown=\'1\' --ch\\mod="0755" a /\n'),
  accepted('the end of flags', 'FROM scratch\nCOPY -- a /\n'),
  accepted('--link', 'FROM scratch\nCOPY --link a /\n', { since: '23.0' }),
  accepted('--exclude', 'FROM scratch\nCOPY --exclude=y d /\n', { since: '28.5' }),
  accepted('ADD --unpack', 'FROM scratch\nADD --unpack=true d /\n', { since: '28.3' }),
  accepted('--chmod in symbols', 'FROM scratch\nCOPY --chmod=u=rwX,go=rX a /\n'),
  accepted('a heredoc', 'FROM scratch\nCOPY a <<EOF <<-"EF" /x/\nhello\nEOF\n\tthere\n\tEF\nCOPY b /\n', {
    since: '23.0',
  }),
  refused('a heredoc without its end', 'FROM scratch\nCOPY <<EOF /x\nhello\n'),
  refused('a heredoc as the target', 'FROM scratch\nCOPY a <<EOF\nx\nEOF\n'),
  refused('--parents, which no release has', 'FROM scratch\nCOPY --parents d/x /\n'),
  refused('an unknown flag', 'FROM scratch\nCOPY --foo=1 a /\n'),
  refused('a flag without its value', 'FROM scratch\nCOPY --from a /\n'),
  refused('a flag twice', 'FROM scratch\nCOPY --chown=1 --chown=2 a /\n'),
  refused('a flag that is neither true nor false', 'FROM scratch\nCOPY --link=maybe a /\n'),
  refused('a mode that is none', 'FROM scratch\nCOPY --chmod=u*x a /\n', { since: '27.3' }),
  refused('a mode too large', 'FROM scratch\nCOPY --chmod=77777 a /\n', { since: '27.3' }),
  refused('one argument', 'FROM scratch\nCOPY a\n'),
  refused('one argument in JSON form', 'FROM scratch\nCOPY ["a"]\n'),
  refused('a number in JSON form', 'FROM scratch\nCOPY ["a", 1]\n'),
  refused('COPY of a URL', 'FROM scratch\nCOPY http://127.0.0.1/y /\n'),
  refused('ADD --from', 'FROM scratch\nADD --from=x a /\n'),
  refused('ADD --checksum of a file', 'FROM scratch\nADD --checksum=sha256:zz a /\n'),
];

const lines: readonly Case[] = [
  ...[
    'CMD',
    'CMD []',
    'ENTRYPOINT',
    'CMD ["a" "b"]',
    'EXPOSE 80/tcp 90-99 8080:80',
    'EXPOSE 80/',
    'EXPOSE $NOPE',
    'STOPSIGNAL SIGRTMIN+3',
  ].map((line) => acceptedLine(line)),
  ...[
    'STOPSIGNAL term',
    'STOPSIGNAL 99',
    'STOPSIGNAL --x 9',
    'ONBUILD COPY --foo=1 x y',
    'HEALTHCHECK --foo=1 NONE',
    'HEALTHCHECK --interval=30s --retries=3 CMD x',
  ].map((line) => acceptedLine(line)),
  ...[
    'LABEL a b c',
    'ENV $X=b',
    'ARG A B=2 C',
    'ARG 1=2',
    'VOLUME /a /b',
    'VOLUME ["/c d"]',
    'WORKDIR a b',
    'MAINTAINER a ${',
    'ENV X=<<EOF',
  ].map((line) => acceptedLine(line)),
  acceptedLine('HEALTHCHECK --retries=0 CMD a', { since: '24.0' }),
  acceptedLine('HEALTHCHECK --start-interval=1s CMD a', { since: '25.0' }),
  ...[
    'ENV',
    'ENV a',
    'ENV a=b c',
    'ENV =b',
    'ARG',
    'ARG =a',
    'ARG --foo=1',
    'LABEL',
    'LABEL a',
    'EXPOSE',
    'EXPOSE abc',
    'EXPOSE 80/foo',
  ].map((line) => refusedLine(line)),
  ...[
    'EXPOSE 99999',
    'EXPOSE 90-80',
    'EXPOSE x:80',
    'EXPOSE 80-82:90-91',
    'USER',
    'WORKDIR',
    'WORKDIR --foo /x',
    'VOLUME',
    'VOLUME [""]',
    'VOLUME $X',
  ].map((line) => refusedLine(line)),
  ...[
    'STOPSIGNAL',
    'STOPSIGNAL foo',
    'STOPSIGNAL 0',
    'STOPSIGNAL RTMAX-15',
    'STOPSIGNAL $X',
    'SHELL sh',
    'SHELL []',
    'MAINTAINER',
    'ENV --foo A=b',
    'CMD --foo',
    'CMD [null]',
  ].map((line) => refusedLine(line)),
  ...[
    'ONBUILD',
    'ONBUILD FROM x',
    'ONBUILD ONBUILD RUN x',
    'ONBUILD --x RUN a',
    'HEALTHCHECK',
    'HEALTHCHECK NONE x',
    'HEALTHCHECK CMD',
    'HEALTHCHECK CMD []',
    'HEALTHCHECK FOO',
  ].map((line) => refusedLine(line)),
  ...[
    'HEALTHCHECK --interval=1x CMD x',
    'HEALTHCHECK --interval=1us CMD x',
    'HEALTHCHECK --retries=-1 CMD x',
    'HEALTHCHECK --retries=x CMD x',
    'RUN []',
    'RUN [1]',
    'RUN --network=foo y',
  ].map((line) => refusedLine(line)),
  refusedLine('SHELL ["a"] x', { since: '27.1' }),
];

const mounts: readonly Case[] = [
  accepted(
    'mounts of every kind',
    'FROM debian:trixie\nRUN --mount=type=bind,source=a,target=/x --mount=TYPE=cache,target=/y,sharing=locked,mode=0755,uid=0 --mount=type=tmpfs,target=/z --mount=type=secret,id=s cat /x\n',
  ),
  accepted(
    'quoted fields and variables',
    'FROM debian:trixie\nARG T=/x\nRUN --mount=type=bind,source=a,"target=$T" cat /x\n',
    { since: '23.0' },
  ),
  accepted(
    'a size, and a secret as a variable',
    'FROM debian:trixie\nRUN --mount=type=tmpfs,target=/x,size=10m --mount=type=secret,id=a,env=B true\n',
    { since: '27.3' },
  ),
  accepted('a mount from scratch', 'FROM debian:trixie\nRUN --mount=type=bind,from=scratch,target=/x true\n'),
  refused('--mount without a value', 'FROM debian:trixie\nRUN --mount true\n'),
  refusedMount('type=foo'),
  refusedMount('foo'),
  refusedMount('foo=a'),
  refusedMount('type=bind,target=/'),
  refusedMount('type=cache,target=/x,sharing=foo'),
  refusedMount('type=bind,target=/x,sharing=shared'),
  refusedMount('type=secret'),
  refusedMount('type=secret,source=a,id=b'),
  refusedMount('type=secret,from=Upper,id=b'),
  refusedMount('type=cache,target=/x,mode=999'),
  refusedMount('type=cache,target=/x,uid=abc'),
  refusedMount('type=bind,target=/x,mode=0755'),
  refusedMount('type=bind,target=/x,uid=0'),
  refusedMount('type=bind,target=/x,size=1m'),
  refusedMount('type=tmpfs,target=/x,size=abc'),
  refusedMount('type=bind,target=/x,ro=maybe'),
  refusedMount('type=bind,target=/x,required'),
  refusedMount('type=bind,from=Upper,target=/x'),
];

export const cases: readonly Case[] = [...layout, ...stages, ...variables, ...copies, ...lines, ...mounts];
