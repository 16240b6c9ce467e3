# cran.sh VERSION: makes /mirror, a small CRAN and its compiled part, and two like it that are not as they should be.
set -eu
version=$1
mirror=/mirror/cran/src/contrib
compiled=/mirror/cran-binary-debian-trixie-r-4.5/src/contrib
work=$(mktemp -d)
mkdir -p "$mirror" "$compiled" /mirror/broken/cran/src/contrib /mirror/stale/cran/src/contrib
cd "$work"

# package NAME [NEEDED]: one in plain R, to be added to.
package() {
  rm -rf "$1"
  mkdir -p "$1/R" "$1/src"
  printf 'Package: %s\nVersion: %s\nTitle: A Test\nDescription: A test.\nAuthor: Nobody\nMaintainer: Nobody <n@example.com>\nLicense: MIT\n' "$1" "$version" >"$1/DESCRIPTION"
  printf 'exportPattern("^[a-z]")\n' >"$1/NAMESPACE"
  if [ $# -gt 1 ]; then
    echo "Imports: $2" >>"$1/DESCRIPTION"
    echo "import($2)" >>"$1/NAMESPACE"
  fi
  echo "$1 <- function() '$1'" >"$1/R/code.R"
}
pack() { tar -czf "$2/$1_$version.tar.gz" "$1"; }
fails() { echo '#include <no-such-library.h>' >"$1/src/code.c"; echo "useDynLib($1)" >>"$1/NAMESPACE"; }

package dwtc
echo 'useDynLib(dwtc)' >>dwtc/NAMESPACE
printf '#include <Rinternals.h>\nSEXP dwtc_twice(SEXP x) { return Rf_ScalarReal(2 * Rf_asReal(x)); }\n' >dwtc/src/code.c
echo 'twice <- function(x) .Call("dwtc_twice", x, PACKAGE = "dwtc")' >>dwtc/R/code.R
pack dwtc "$mirror"

package dwtf dwtc
echo 'useDynLib(dwtf)' >>dwtf/NAMESPACE
printf 'subroutine dwtf(x)\n  double precision x\n  x = 3d0 * x\nend subroutine\n' >dwtf/src/code.f90
echo 'sixfold <- function(x) twice(.Fortran("dwtf", as.double(x), PACKAGE = "dwtf")[[1]])' >>dwtf/R/code.R
pack dwtf "$mirror"

# Each is made only while the other is being made.
for pair in 'dwtx dwty' 'dwty dwtx'; do
  set -- $pair
  package "$1"
  printf '#!/bin/sh\ntouch /tmp/%s\nfor i in $(seq 600); do [ ! -e /tmp/%s ] || exit 0; sleep 0.1; done\nexit 1\n' "$1" "$2" >"$1/configure"
  chmod +x "$1/configure"
  pack "$1" "$mirror"
done

package dwtbad
fails dwtbad
pack dwtbad "$mirror"
package dwtneedsbad dwtbad
pack dwtneedsbad "$mirror"

# Can be had compiled only.
package dwtbin
mkdir "$work/library"
(cd "$compiled" && R CMD INSTALL --build --library="$work/library" "$work/dwtbin" >/dev/null 2>&1 && mv dwtbin_*_R_*.tar.gz "dwtbin_$version.tar.gz")
fails dwtbin
pack dwtbin "$mirror"

# Larger than what a full disk has room for.
package dwtlarge
mkdir dwtlarge/inst
head -c 4000000 /dev/urandom >dwtlarge/inst/large
pack dwtlarge "$mirror"

# A good version here, and there a newer one that fails.
package dwtkeep
pack dwtkeep "$mirror"
echo "keep <- function() 'kept'" >>dwtkeep/R/code.R
version=$version.1
sed -i "s/^Version: .*/Version: $version/" dwtkeep/DESCRIPTION
fails dwtkeep
pack dwtkeep /mirror/broken/cran/src/contrib

# In the index, and gone from the folder.
package dwtgone
pack dwtgone /mirror/stale/cran/src/contrib
for folder in "$mirror" "$compiled" /mirror/broken/cran/src/contrib /mirror/stale/cran/src/contrib; do
  (cd "$folder" && Rscript -e 'invisible(tools::write_PACKAGES(".", type = "source"))')
done
rm /mirror/stale/cran/src/contrib/dwtgone_*
rm -rf "$work"
