//! Which column of a matrix is this, in French or in English?

/// A column that is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Column {
    /// Number or reference of the line.
    Id,
    /// Who opens the connection.
    Source,
    /// Namespace of the source, when it stands apart.
    SourceNamespace,
    /// Who accepts it.
    Destination,
    /// Namespace of the destination, when it stands apart.
    DestinationNamespace,
    /// TCP, UDP, SCTP.
    Protocol,
    /// Port numbers, ranges or names.
    Ports,
    /// Protocols and ports in one cell.
    Connections,
    /// Why.
    Justification,
    /// Who answers for it.
    Owner,
    /// Until when.
    Review,
    /// What for.
    Category,
}

/// Lower case without accents and with single spaces: `N° de  Port(s)` becomes `n de port s`.
pub fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.trim().trim_start_matches('\u{feff}').chars().flat_map(char::to_lowercase) {
        let c = match c {
            'à' | 'â' | 'ä' => 'a',
            'é' | 'è' | 'ê' | 'ë' => 'e',
            'î' | 'ï' => 'i',
            'ô' | 'ö' => 'o',
            'ù' | 'û' | 'ü' => 'u',
            'ç' => 'c',
            c => c,
        };
        match c.is_alphanumeric() {
            true => out.push(c),
            false if !out.is_empty() && !out.ends_with(' ') => out.push(' '),
            false => {}
        }
    }
    out.trim_end().to_owned()
}

/// The column of a heading; `None` when it is not one of ours.
pub fn column(heading: &str) -> Option<Column> {
    let column = match plain(heading).as_str() {
        "id" | "n" | "no" | "numero" | "number" | "ref" | "reference" | "identifiant" | "line" | "ligne" => {
            Column::Id
        }
        "source" | "src" | "from" | "de" | "origine" | "emetteur" | "client" | "depuis"
        | "source workload" | "charge source" | "appelant" => Column::Source,
        "source namespace"
        | "namespace source"
        | "espace source"
        | "espace de noms source"
        | "src namespace" => Column::SourceNamespace,
        "destination"
        | "dst"
        | "dest"
        | "to"
        | "vers"
        | "cible"
        | "target"
        | "serveur"
        | "server"
        | "destination workload"
        | "charge destination"
        | "appele" => Column::Destination,
        "destination namespace"
        | "namespace destination"
        | "espace destination"
        | "espace de noms destination"
        | "espace cible"
        | "dst namespace" => Column::DestinationNamespace,
        "protocol" | "protocole" | "proto" | "protocols" | "protocoles" => Column::Protocol,
        "port"
        | "ports"
        | "port s"
        | "destination port"
        | "destination ports"
        | "port destination"
        | "ports destination"
        | "port de destination" => Column::Ports,
        "connections" | "connexions" | "conn" | "flux" | "protocole port" | "protocol port"
        | "protocole et ports" => Column::Connections,
        "justification" | "motif" | "raison" | "reason" | "besoin" | "purpose" | "objet" | "description"
        | "commentaire" | "comment" => Column::Justification,
        "owner" | "proprietaire" | "responsable" | "demandeur" | "requester" | "contact" => Column::Owner,
        "review" | "review date" | "revue" | "date de revue" | "expiration" | "expires" | "expiry"
        | "echeance" | "valid until" | "valable jusqu au" | "date d expiration" | "prochaine revue"
        | "next review" => Column::Review,
        "category" | "categorie" | "zone" | "preset" | "type" | "classe" | "nature" | "profil" => {
            Column::Category
        }
        _ => return None,
    };
    Some(column)
}
