/** A bill of materials in the form of CycloneDX. Equal images have equal bills, byte for byte. */
import { Factories } from '@cyclonedx/cyclonedx-library/Contrib/License';
import { ComponentType } from '@cyclonedx/cyclonedx-library/Enums';
import { Bom, Component, Metadata, Property } from '@cyclonedx/cyclonedx-library/Models';
import { JSON as Json, JsonSerializer } from '@cyclonedx/cyclonedx-library/Serialize';
import { Spec1dot6 } from '@cyclonedx/cyclonedx-library/Spec';
import { PackageURL } from 'packageurl-js';
import validateExpression from 'spdx-expression-parse';
import type { ImageContents } from './image-packages.ts';
import type { InstalledPackage } from './packages.ts';

export interface DescribedImage {
  readonly name: string;
  /** The digest of its configuration, which names it wherever it is. */
  readonly id: string;
  /** ISO 8601. */
  readonly created: string;
}

export function billOfMaterials(image: DescribedImage, contents: ImageContents, tool: string): string {
  const root = new Component(ComponentType.Container, image.name, { bomRef: image.id, version: image.id });
  const metadata = new Metadata({ component: root, timestamp: new Date(image.created) });
  metadata.tools.components.add(
    new Component(ComponentType.Application, 'dwt', { bomRef: 'dwt', version: tool }),
  );
  const bom = new Bom({ metadata });
  for (const found of contents.packages) {
    const component = componentOf(found, contents.distribution);
    bom.components.add(component);
    root.dependencies.add(component.bomRef);
  }
  return new JsonSerializer(new Json.Normalize.Factory(Spec1dot6)).serialize(bom, {
    sortLists: true,
    space: 1,
  });
}

const licenses = new Factories.LicenseFactory(validateExpression);

function componentOf(found: InstalledPackage, distribution: ImageContents['distribution']): Component {
  const purl = purlOf(found, distribution);
  const component = new Component(ComponentType.Library, found.name, {
    bomRef: purl,
    version: found.version,
    purl,
  });
  if (found.license) component.licenses.add(licenses.makeFromString(found.license));
  if (found.source) component.properties.add(new Property('dwt:debian:source', found.source));
  return component;
}

function purlOf(found: InstalledPackage, distribution: ImageContents['distribution']): string {
  const { type, name, version, architecture } = found;
  if (type === 'deb') {
    const { id = 'debian', release = null } = distribution ?? {};
    const qualifiers = { ...(architecture && { arch: architecture }), ...(release && { distro: release }) };
    return new PackageURL(type, id, name, version, qualifiers).toString();
  }
  const [scope, own] = name.startsWith('@') ? name.split('/') : [undefined, name];
  return new PackageURL(type, scope, own ?? name, version).toString();
}
