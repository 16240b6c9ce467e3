import { describe, expect, test } from '@jest/globals';
import { ecrHost } from '../../src/ecr/host.ts';

describe('the name of an ECR registry', () => {
  test.each([
    ['123456789012.dkr.ecr.eu-west-2.amazonaws.com', 'eu-west-2'],
    ['123456789012.dkr.ecr.eu-west-2.amazonaws.com:443', 'eu-west-2'],
    ['123456789012.DKR.ECR.EU-WEST-2.amazonaws.com', 'eu-west-2'],
    ['123456789012.dkr.ecr.us-gov-west-1.amazonaws.com', 'us-gov-west-1'],
    ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', 'cn-north-1'],
    ['123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu', 'eusc-de-east-1'],
    ['123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov', 'us-iso-east-1'],
    ['123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov', 'us-isob-east-1'],
    ['123456789012.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk', 'eu-isoe-west-1'],
    ['123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov', 'us-isof-south-1'],
  ])('%s', (domain, region) => {
    expect(ecrHost(domain)).toEqual({
      type: 'private',
      account: '123456789012',
      region,
      fips: false,
      dualStack: false,
    });
  });

  test.each([
    ['123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com', { fips: true, dualStack: false }],
    ['123456789012.dkr-ecr.eu-west-2.on.aws', { fips: false, dualStack: true }],
    ['123456789012.dkr-ecr-fips.us-east-1.on.aws', { fips: true, dualStack: true }],
    ['123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn', { fips: false, dualStack: true }],
    ['123456789012.dkr-ecr.eusc-de-east-1.on.amazonwebservices.eu', { fips: false, dualStack: true }],
  ])('says of its kind: %s', (domain, kind) => {
    expect(ecrHost(domain)).toMatchObject({ type: 'private', account: '123456789012', ...kind });
  });

  test.each(['public.ecr.aws', 'ecr-public.aws.com'])('of the public gallery is %s', (domain) => {
    expect(ecrHost(domain)).toEqual({ type: 'public', region: 'us-east-1' });
  });

  test.each([
    'docker.io',
    'localhost:5000',
    'ecr.eu-west-2.amazonaws.com',
    '12345678901.dkr.ecr.eu-west-2.amazonaws.com',
    '123456789012.dkr.ecr.eu-west-2.amazonaws.com.example.com',
    '123456789012.dkr.ecr.eu-west-2.amazonaws.com:8443',
    '123456789012xdkr.ecr.eu-west-2.amazonaws.com',
    'evil.123456789012.dkr.ecr.eu-west-2.amazonaws.com',
    'public.ecr.aws.example.com',
    '123456789012.dkr-ecr.eu-west-2.on.aws.eu',
    '123456789012.dkr.ecr.eu-west-2.amazonaws.org',
  ])('is not %s', (domain) => {
    expect(ecrHost(domain)).toBeNull();
  });
});
