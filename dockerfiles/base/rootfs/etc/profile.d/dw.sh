# A login shell starts from Debian's PATH: put back what the image has before it.
PATH=$HOME/.local/bin:$PATH
