#!/bin/bash
# Makes a mirror root in /mirror for the tests: Debian packages signed by a key of its own, a tampered copy of the same, and a
# simple index of Python packages. Runs as root in a container that has gpg and apt-ftparchive.
set -euo pipefail
mkdir -p /mirror/debian /mirror/debian-security /mirror/pypi /tmp/make
export GNUPGHOME=/tmp/gnupg
install -d -m 700 "$GNUPGHOME"

# package ROOT NAME VERSION [FIELD...]: its postinst leaves a proof that it ran, and as whom.
package() {
  local root=$1 name=$2 version=$3 folder=/tmp/make/$2_$3
  shift 3
  mkdir -p "$folder/DEBIAN" "/mirror/$root/pool"
  {
    printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: Test <test@example.invalid>\nDescription: test\n' "$name" "$version"
    printf '%s\n' "$@"
  } | sed '/^$/d' >"$folder/DEBIAN/control"
  printf '#!/bin/sh\nid -u >/installed-%s\necho %s >>/installed-%s\nif read -r line; then echo "asked $line" >>/installed-%s; fi\n' "$name" "$version" "$name" "$name" >"$folder/DEBIAN/postinst"
  chmod 755 "$folder/DEBIAN/postinst"
  dpkg-deb --root-owner-group -b "$folder" "/mirror/$root/pool/${name}_$version.deb" >/dev/null
}

# index ROOT SUITE: the lists and the signed release of one suite.
index() {
  cd "/mirror/$1"
  local dist=dists/$2 arch
  arch=$(dpkg --print-architecture)
  mkdir -p "$dist/main/binary-$arch"
  apt-ftparchive packages pool >"$dist/main/binary-$arch/Packages"
  apt-ftparchive -o "APT::FTPArchive::Release::Suite=$2" -o "APT::FTPArchive::Release::Codename=$2" \
    -o APT::FTPArchive::Release::Components=main -o "APT::FTPArchive::Release::Architectures=$arch all" release "$dist" >/tmp/Release
  gpg --batch --yes --clearsign -o "$dist/InRelease" /tmp/Release
}

cat >/tmp/key <<'END'
%no-protection
Key-Type: RSA
Key-Length: 3072
Key-Usage: sign
Name-Real: Test mirror
Expire-Date: 0
END
gpg --batch --quiet --gen-key /tmp/key
gpg --armor --export >/mirror/key.asc

package debian dwt-hello 1.0
package debian dwt-needs 1.0 'Depends: dwt-hello'
package debian 'dwt-c++' 1.0
package debian dwt1.0-lib 1.0
package debian dwt-evicts-nano 1.0 'Conflicts: nano'
package debian dwt-provides 1.0 'Provides: dwt-virtual'
package debian dwt-old 1.0
package debian-security dwt-old 2.0
index debian trixie
index debian trixie-updates
index debian-security trixie-security

mkdir /tampered
cp -a /mirror/debian /mirror/debian-security /tampered
sed -i 's/^Version: 1.0$/Version: 6.6/' /tampered/debian/dists/*/main/binary-*/Packages
mv /tampered /mirror/tampered
mkdir -p /mirror/partial/debian/dists
cp -a /mirror/debian/pool /mirror/partial/debian/
cp -a /mirror/debian/dists/trixie /mirror/partial/debian/dists/

python3 - <<'END'
import pathlib, zipfile
# The last is one that the image has, in other versions.
for name, version in (("dwt_wheel", "1.0"), ("dwt_console", "1.0"), ("et_xmlfile", "99.0"), ("et_xmlfile", "99.1")):
    folder = pathlib.Path("/mirror/pypi", name.replace("_", "-"))
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        info = f"{name}-{version}.dist-info"
        wheel.writestr(f"{name}.py", "def main():\n    print('hello from the mirror')\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{name.replace('_', '-')} = {name}:main\n")
        wheel.writestr(f"{info}/RECORD", "")
END
