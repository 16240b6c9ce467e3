/** Apart from what writes it, which takes long to load. */
export const sbomType = 'application/vnd.cyclonedx+json';
