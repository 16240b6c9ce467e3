// Stands in the bundle for packages that dockerode loads at its start and the program never calls.
module.exports = class {
  constructor() {
    throw new Error('This package is not in the bundle; see scripts/build.js.');
  }
};
