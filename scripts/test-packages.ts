/** The one list of Debian packages whose programs the tests start. */
export const testPackages = [
  'docker-registry', // a real registry to push to
  'openssh-client', // engines over ssh
  'openssh-server',
  'openssl', // certificates of TLS engines and registries
  'libxml2-utils', // xmllint: JUnit reports against their schema
  'git',
  'python3-venv', // AWS's API by moto's server
];

/** What the tests of the real images start beyond that. */
export const imageTestPackages = [
  'chromium', // the browser that looks at tools' pages
  'fonts-dejavu-core', // and what it writes with
  'iproute2', // ip: addresses that only the platform has
];

/** What the tests of CI pipelines start beyond that. */
export const ciTestPackages = [
  ...imageTestPackages, // for `--page`
  'default-jre-headless',
  'groovy', // the very version that Jenkins has
  'jq', // the example for GitHub reads the plan with it
  'rsync', // gitlab-ci-local copies with it
];
