# shellcheck shell=bash disable=SC2154 # scripts/servers sets what is missing here
# Certificates under $dir/tls: of an authority of the servers' own, and such as must be refused. Needs: dir.

tls=$dir/tls

# The key comes to lie beside the certificate.
new_key() { printf '%s\n' -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$tls/$1.key"; }

# authority NAME: signed by itself.
authority() {
    local options
    mapfile -t options < <(new_key "$1")
    openssl req -x509 "${options[@]}" -days 3650 -subj "/CN=Candlepost $1" -out "$tls/$1.pem" 2>/dev/null
}

# certificate NAME AUTHORITY DAYS SUBJECT: of a server if the subject is a host's name.
certificate() {
    local options
    mapfile -t options < <(new_key "$1")
    openssl req "${options[@]}" -subj "/CN=$4" -addext "subjectAltName=DNS:$4" -out "$tls/$1.csr" 2>/dev/null
    openssl x509 -req -in "$tls/$1.csr" -CA "$tls/$2.pem" -CAkey "$tls/$2.key" -days "$3" -copy_extensions copy \
        -out "$tls/$1.pem" 2>/dev/null
    rm "$tls/$1.csr"
}

# What both servers show is `server`. The others are for tests: each wrong in one way.
certificates_create() {
    [[ ! -e $tls/complete ]] || return 0
    mkdir -p "$tls"
    authority ca
    certificate server ca 3650 localhost
    certificate client ca 3650 candlepost
    certificate expired ca 0 localhost # at once: newer versions of OpenSSL take no end before the beginning
    certificate other-name ca 3650 db.candlepost.invalid
    authority other-ca
    certificate other-authority other-ca 3650 localhost
    certificate other-client other-ca 3650 candlepost
    touch "$tls/complete"
}
